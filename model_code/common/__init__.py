"""What the code of every model family shares: threads and devices, JSON Lines, checkpoints, a script's arguments.

It travels as `common/` beside the modules of a family, in each model archive and in each archive of training code. It
runs on Python 3.11 to 3.13 with transformers 4.57 or 5, and imports nothing of the package `seqdrop`.
"""
