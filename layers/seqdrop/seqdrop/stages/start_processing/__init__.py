"""Start processing: examine uploads that are too large for a Lambda in SageMaker processing jobs."""
