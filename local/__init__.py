"""The embedded AWS and the commands that drive it; run from the tree, never installed."""
