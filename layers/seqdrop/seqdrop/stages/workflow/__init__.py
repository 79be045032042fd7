"""Workflow: start a workflow on accepted files, samples or runs, and record how it ended."""
