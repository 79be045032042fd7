"""From a job's outputs to what a biologist opens."""
