"""Errors that the service returns, with the codes and the wording of AWS where they are known."""


class ServiceError(Exception):
    """A refused request, HTTP status 400; botocore shows `code` as the error's code."""

    code = "ValidationException"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationError(ServiceError):
    """The request is malformed, breaks a rule, or names a resource that does not exist."""


class ResourceInUseError(ServiceError):
    """The name is in use permanently, because a job cannot be deleted."""

    code = "ResourceInUse"


class ResourceLimitExceededError(ServiceError):
    """A quota of the account is used up."""

    code = "ResourceLimitExceeded"


class AccessDeniedError(ServiceError):
    """The caller's policies do not allow the action on the resource."""

    code = "AccessDeniedException"


class NotSupportedLocallyError(ServiceError):
    """The request uses a feature of AWS that the embedded SageMaker lacks and refuses, rather than imitate it."""

    code = "ValidationException"

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} is not supported by the embedded SageMaker")
