"""Start transform: make batch transform jobs of validated uploads, and start them."""
