"""Checks of this repository that no library provides; `make lint` runs them."""
