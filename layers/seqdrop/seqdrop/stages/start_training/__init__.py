"""Start training: check the plan of a complete training set, and start its job."""
