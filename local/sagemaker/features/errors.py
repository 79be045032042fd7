"""Errors of Feature Store: of its control plane, and with other codes and statuses of its runtime."""

from __future__ import annotations

from local.sagemaker.errors import ServiceError


class GroupNotFoundError(ServiceError):
    """There is no such feature group, or no such feature."""

    code = "ResourceNotFound"


class RecordError(Exception):
    """A refused request of the runtime."""

    code, status = "ValidationError", 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RecordDeniedError(RecordError):
    """The caller's policies do not allow the action."""

    code, status = "AccessDeniedException", 403


class KeyDeniedError(RecordError):
    """The caller may not use the key of the online store."""

    code, status = "AccessForbidden", 403


class RecordNotFoundError(RecordError):
    """There is no such feature group."""

    code, status = "ResourceNotFound", 404
