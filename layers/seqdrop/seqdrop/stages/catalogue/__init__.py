"""Catalogue: events of the results bucket say whose rows, and whose features, are derived anew."""
