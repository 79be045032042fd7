"""Readers of data sets, and their preparation for training."""
