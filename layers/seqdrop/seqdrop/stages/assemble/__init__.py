"""Assemble: files that belong together advance together. A policy for each sort of files, one engine for all."""
