"""Errors of S3 Control, with the codes of botocore's model and of the service's guide."""


class BatchError(Exception):
    """A refused request; botocore shows `code` as the error's code."""

    code, status = "InvalidRequest", 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequestError(BatchError):
    """The request is malformed, breaks a rule, or uses a feature that the embedded AWS lacks."""


class NoSuchJobError(BatchError):
    """No job of the account has this id."""

    code, status = "NoSuchJobException", 404


class JobStatusError(BatchError):
    """The job's status does not allow the requested one."""

    code = "JobStatusException"


class IdempotencyError(BatchError):
    """The token of an earlier job came with another request."""

    code = "IdempotencyException"


class JobFailureError(Exception):
    """A reason for which a job as a whole fails; DescribeJob shows it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason[:256]
