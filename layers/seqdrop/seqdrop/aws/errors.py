"""What an error of AWS means: the only place that knows services' error codes.

The codes are those of the operations that Seqdrop calls. Where a code belongs to one service alone, that service is
named, so one predicate can serve several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# S3: no such object or version; or a delete marker has the version id that was named (a HEAD has only the status).
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"})
# S3: a conditional request (If-Match, If-None-Match), or another write to the key at the same moment.
CONFLICT = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
# DynamoDB: a condition did not hold. A cancelled transaction says why, for each of its writes.
CONDITION = frozenset({"ConditionalCheckFailedException", "TransactionCanceledException"})
CONDITION_REASONS = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})
# The codes that botocore retries as throttles, of the services that Seqdrop calls.
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
# SageMaker says ValidationException, SNS any of these: its documentation has InvalidParameterValue where its model has
# ParameterValueInvalid.
INVALID = frozenset({"ValidationException", "InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})


def code_of(error: ClientError) -> str:
    """Return the service's error code; of a HEAD request, which has no body, the HTTP status as text."""
    return error.response["Error"]["Code"]


def message_of(error: ClientError) -> str:
    """Return the service's own words."""
    return error.response["Error"]["Message"]


def is_missing(error: ClientError) -> bool:
    """Return True if there is no such object of S3, or it was deleted. A missing bucket is another error."""
    return code_of(error) in MISSING


def is_conflict(error: ClientError) -> bool:
    """Return True if a conditional request was refused because another writer was first.

    A cancelled transaction of DynamoDB counts if every reason that it gives is of that sort.
    """
    if code_of(error) in CONDITION:
        return {reason.get("Code") for reason in error.response.get("CancellationReasons", [])} <= CONDITION_REASONS
    return code_of(error) in CONFLICT


def is_throttle(error: ClientError) -> bool:
    """Return True if the service was called too often; the same call succeeds later."""
    return code_of(error) in THROTTLE


def is_limit(error: ClientError) -> bool:
    """Return True if a quota of the account is used up (SageMaker: instances or jobs), until something ends."""
    return code_of(error) == "ResourceLimitExceeded"


def is_taken(error: ClientError) -> bool:
    """Return True if SageMaker has a job or a model of this name already. It has no code of its own for a model."""
    return code_of(error) == "ResourceInUse" or "already existing" in message_of(error)


def is_invalid(error: ClientError) -> bool:
    """Return True if the service will never take this request, whenever it is sent."""
    return code_of(error) in INVALID
