"""How a training job is distributed over GPUs and hosts."""
