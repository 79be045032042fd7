"""Application Auto Scaling of the embedded AWS, for the variants of SageMaker's endpoints."""
