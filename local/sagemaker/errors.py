"""The refusals of the service, with the codes and the wording of AWS where they are known."""


class ServiceError(Exception):
    """A request that is refused: `code` is what botocore shows as the error's code, HTTP status 400."""

    code = "ValidationException"

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


class ValidationError(ServiceError):
    """The request is malformed, breaks a rule, or names what is not there."""


class ResourceInUseError(ServiceError):
    """The name is taken, for ever: a job cannot be deleted."""

    code = "ResourceInUse"


class ResourceLimitExceededError(ServiceError):
    """A quota of the account is used up."""

    code = "ResourceLimitExceeded"


class AccessDeniedError(ServiceError):
    """The caller's policies do not allow the action on the resource."""

    code = "AccessDeniedException"


class NotSupportedLocallyError(ServiceError):
    """AWS does this and we do not; saying so beats doing something else."""

    code = "ValidationException"

    def __init__(self, what: str):
        super().__init__(f"{what} is not supported by the embedded SageMaker")
