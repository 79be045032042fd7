"""Monitor: a scheduled processing job looks for drift and at quality, and its findings are reported and mailed."""
