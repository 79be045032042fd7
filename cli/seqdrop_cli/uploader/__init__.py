"""The uploader: what goes where, what was sent already, and a transfer that continues after any interruption."""
