"""SageMaker as ministack lacks it: models, and batch transform jobs that really run the model's code."""
