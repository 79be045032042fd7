"""Monitoring: baselines, drift of inputs and predictions, and quality against the truth. Statistics, without AWS."""
