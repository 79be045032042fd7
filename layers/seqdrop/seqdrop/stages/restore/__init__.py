"""Restore: make archived files readable for some days, and copy them, or process them again, when all are back."""
