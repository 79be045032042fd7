"""AWS HealthOmics of the embedded AWS: workflows, run groups, and runs that really write outputs (local/README.md)."""
