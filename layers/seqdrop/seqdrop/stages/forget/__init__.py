"""Forget: delete archived copies on request, in two steps (docs/delete.md)."""
