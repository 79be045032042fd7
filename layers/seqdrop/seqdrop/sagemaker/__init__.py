"""SageMaker: requests, their limits, names, grouping of attempts, and one client for the three kinds of job."""
