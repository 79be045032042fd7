"""Code that every model family shares: threads and devices, JSON Lines, checkpoints, arguments of a training script.

This package is copied as `common/` beside the modules of a family, into each model archive and each archive of training
code. It runs on Python 3.11 to 3.13 with transformers 4.57 or 5, and imports nothing from the package `seqdrop`.
"""
