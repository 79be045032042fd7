"""Errors of SageMaker's runtime, which have other codes and statuses than those of its control plane."""

from __future__ import annotations


class InvocationError(Exception):
    """A refused or failed invocation; `members` are in the response besides the message."""

    code, status = "ValidationError", 400

    def __init__(self, message: str, **members: object) -> None:
        super().__init__(message)
        self.message, self.members = message, members


class InvocationDeniedError(InvocationError):
    """The caller's policies do not allow the invocation."""

    code, status = "AccessDeniedException", 403


class UnavailableError(InvocationError):
    """The endpoint has no instance that could serve the request now; retry."""

    code, status = "ServiceUnavailable", 503


class ModelError(InvocationError):
    """The container responded with an error, or not at all."""

    code, status = "ModelError", 424
