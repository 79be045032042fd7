"""Serve: create, update, scale and delete the endpoints of the stack."""
