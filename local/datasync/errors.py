"""The two errors that DataSync's model has."""

from local.sagemaker.errors import ServiceError


class InvalidRequestError(ServiceError):
    """The request breaks a rule of the service, or names a resource that does not exist."""

    code = "InvalidRequestException"


class TransferError(Exception):
    """Why an execution ends in ERROR: a code and a sentence, as DescribeTaskExecution shows them."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
