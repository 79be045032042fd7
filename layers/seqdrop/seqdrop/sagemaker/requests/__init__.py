"""Requests for the three kinds of SageMaker job."""
