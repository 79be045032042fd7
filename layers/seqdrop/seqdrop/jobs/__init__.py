"""SageMaker jobs: their names, their requests, the rules a request is held to, the models they run."""
