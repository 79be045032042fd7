"""Kinds of analysis: one module for each kind, and what several kinds share."""
