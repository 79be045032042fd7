"""The embedded AWS and the commands that use it; run from the checkout, never installed."""
