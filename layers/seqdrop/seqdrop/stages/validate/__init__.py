"""Validate: read an upload once, and accept it with its work items or reject it with a reason."""
