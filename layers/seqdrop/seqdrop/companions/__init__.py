"""Decide which files belong together, from their names and their content. Pure functions, no AWS."""
