"""Operator: what a person asks for with the command `seqdrop`."""
