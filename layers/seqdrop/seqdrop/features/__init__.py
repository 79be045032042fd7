"""Features of uploads for Amazon SageMaker Feature Store: their definitions, and the records made of results."""
