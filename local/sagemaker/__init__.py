"""The embedded SageMaker: a service that runs the models' and the training scripts' own code."""
