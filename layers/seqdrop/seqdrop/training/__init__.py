"""Training jobs: how they are spread over GPUs, what they need and cost, and what they are asked."""
