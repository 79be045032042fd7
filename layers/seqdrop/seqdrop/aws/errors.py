"""The meaning of AWS errors: the only module that knows the error codes of services.

The codes are those of the operations that Seqdrop calls. A comment names the service if a code belongs to one service
only; therefore one predicate can serve several services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# S3: no such object or version, or the named version is a delete marker. A HEAD request returns only the status.
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"})
# S3: the condition of a request (If-Match, If-None-Match) failed, or another request was writing the key.
CONFLICT = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
# DynamoDB: a condition failed. A cancelled transaction gives a reason for each of its writes.
CONDITION = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
CONDITION_REASONS = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})
# The codes that botocore retries as throttles, for the services that Seqdrop calls.
THROTTLE = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# SageMaker returns ValidationException. SNS returns one of the others: its documentation names InvalidParameterValue,
# its service model ParameterValueInvalid.
INVALID = frozenset({"ValidationException", "InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})

# Any service: whose credentials were used, and what they allow. A HEAD request of S3 returns only the status.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


def code_of(error: ClientError) -> str:
    """Return the service's error code; for a HEAD request, which has no body, the HTTP status as text."""
    return error.response["Error"]["Code"]


def message_of(error: ClientError) -> str:
    """Return the message of the service."""
    return error.response["Error"]["Message"]


def is_missing(error: ClientError) -> bool:
    """Return True if the S3 object does not exist or was deleted. A missing bucket is another error."""
    return code_of(error) in MISSING


def is_conflict(error: ClientError) -> bool:
    """Return True if a conditional request failed because another writer was first.

    A cancelled transaction of DynamoDB counts if all of its reasons are conflicts.
    """
    if code_of(error) in CONDITION:
        return {reason.get("Code") for reason in error.response.get("CancellationReasons", [])} <= CONDITION_REASONS
    return code_of(error) in CONFLICT


def is_throttle(error: ClientError) -> bool:
    """Return True if the service received too many requests; the same call succeeds later."""
    return code_of(error) in THROTTLE


def is_limit(error: ClientError) -> bool:
    """Return True if a quota of the account (SageMaker: instances or jobs) is used up until some job ends."""
    return code_of(error) == "ResourceLimitExceeded"


def is_taken(error: ClientError) -> bool:
    """Return True if SageMaker already has a job or a model of this name. For a model there is no code of its own."""
    return code_of(error) == "ResourceInUse" or "already existing" in message_of(error)


def is_invalid(error: ClientError) -> bool:
    """Return True if the service will never accept this request."""
    return code_of(error) in INVALID


def is_expired(error: ClientError) -> bool:
    """Return True if the credentials were valid once."""
    return code_of(error) in EXPIRED


def is_unknown_key(error: ClientError) -> bool:
    """Return True if the service does not know the access key, or its secret is wrong."""
    return code_of(error) in UNKNOWN_KEY


def is_denied(error: ClientError) -> bool:
    """Return True if the credentials lack a permission."""
    return code_of(error) in DENIED


def is_unknown_stack(error: ClientError) -> bool:
    """Return True if CloudFormation has no stack of the name. It has no code of its own for that."""
    return code_of(error) == "ValidationError" and "does not exist" in message_of(error)
