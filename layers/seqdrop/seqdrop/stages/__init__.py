"""The stages of the road, one module for each function. Each may run twice, late or out of order."""
