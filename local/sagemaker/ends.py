"""How the work of a job may end other than well."""


class JobFailedError(Exception):
    """The job cannot succeed; the message is its failure reason."""


class JobStoppedError(Exception):
    """The service itself ended the job: its time was up."""
