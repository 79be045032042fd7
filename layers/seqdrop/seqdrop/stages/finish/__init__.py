"""Finish: import the results of SageMaker jobs that have ended."""
