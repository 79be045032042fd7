"""Errors of HealthOmics, with the codes and the HTTP statuses of botocore's model."""


class OmicsError(Exception):
    """A refused request."""

    code, status = "ValidationException", 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class DeniedError(OmicsError):
    """The caller's policies do not allow the action on the resource."""

    code, status = "AccessDeniedException", 403


class NotFoundError(OmicsError):
    """There is no such run, workflow or run group."""

    code, status = "ResourceNotFoundException", 404


class ConflictError(OmicsError):
    """The token of an earlier request came with another request, or the resource's state does not allow it."""

    code, status = "ConflictException", 409


class ThrottledError(OmicsError):
    """There were too many requests."""

    code, status = "ThrottlingException", 429


class QuotaError(OmicsError):
    """A quota of the account is used up."""

    code, status = "ServiceQuotaExceededException", 402


class RunFailedError(Exception):
    """A reason for which a run fails; GetRun shows it."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause, self.message = cause, message
