"""Plans of training jobs: memory, time and cost on each instance type."""
