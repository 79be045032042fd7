"""Assemble: files that belong together advance together. Each sort of files has a policy; one engine serves all."""
