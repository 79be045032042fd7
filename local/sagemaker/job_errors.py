"""Exceptions with which the work of a job ends."""


class JobFailedError(Exception):
    """The job cannot succeed; the message is its failure reason."""


class JobStoppedError(Exception):
    """The service itself stopped the job, because it ran for MaxRuntimeInSeconds; the message may say so."""
