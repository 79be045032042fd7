"""The meaning of AWS errors: the only module that knows the error codes of services.

The sets contain the codes of the operations that Seqdrop calls, grouped by meaning over all services, so that one
predicate serves several services. The comments name the services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

# S3: the object or version does not exist, or the version is a delete marker. A HEAD request returns only the status.
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"})
# S3: the condition of a request (If-Match, If-None-Match) failed, or another request was writing the key.
CONFLICT = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
# S3: a multipart upload was completed or aborted, by this or another invocation.
ENDED_UPLOAD = frozenset({"NoSuchUpload"})
# S3: the bytes are in an archive class or tier. CopyObject has a code of its own for its source.
ARCHIVED = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
# S3: RestoreObject of an object that is being restored, or whose class needs no restore.
RESTORING = frozenset({"RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError"})
# S3: no restore begins now, besides throttles; and errors after which it never will, besides missing and denied ones.
RESTORES_BUSY = frozenset({"GlacierExpeditedRetrievalNotAvailable", "ServiceUnavailable", "503"})
RESTORES_REFUSED = frozenset({"InvalidObjectState", "InvalidArgument", "MalformedXML", "NotImplemented"})
# S3 passes errors of KMS on with this prefix, for example KMS.DisabledException. A key that the caller may not use is
# an AccessDenied.
OF_KMS = "KMS."
# DynamoDB: a condition failed. A cancelled transaction lists a reason for each of its writes, "None" if it was valid.
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
# HealthOmics: a quota of the account is used up, for example that of runs at a time, until a run ends.
QUOTA = frozenset({"ServiceQuotaExceededException"})
# SageMaker's endpoints, besides throttles: the same request can succeed later. Their other errors concern the endpoint.
BUSY = frozenset({"InternalFailure", "InternalServerException", "ServiceUnavailable", "ServiceUnavailableException"})
# SageMaker returns ValidationException, and SNS one of the others: the documentation of SNS names
# InvalidParameterValue, its service model ParameterValueInvalid.
INVALID = frozenset({"ValidationException", "InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})

BAD_REQUEST = frozenset({"InvalidRequest", "400"})

# Any service: the credentials are expired, unknown or lack a permission. A HEAD request of S3 returns only the status.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
UNKNOWN_KEY = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


def code_of(error: ClientError) -> str:
    """Return the service's error code, or the HTTP status as text for a HEAD request, whose response has no body."""
    return error.response["Error"]["Code"]


def message_of(error: ClientError) -> str:
    """Return the error message of the service."""
    return error.response["Error"]["Message"]


def is_missing(error: ClientError) -> bool:
    """Return True if the S3 object does not exist or was deleted, but False if the bucket does not exist."""
    return code_of(error) in MISSING


def is_conflict(error: ClientError) -> bool:
    """Return True if a conditional request failed because another writer was first.

    A cancelled transaction of DynamoDB is a conflict if all of its reasons are.
    """
    if code_of(error) in CONDITION:
        return {reason.get("Code") for reason in error.response.get("CancellationReasons", [])} <= CONDITION_REASONS
    return code_of(error) in CONFLICT


def is_ended_upload(error: ClientError) -> bool:
    """Return True if the multipart upload does not exist any more: it was completed or aborted."""
    return code_of(error) in ENDED_UPLOAD


def is_archived(error: ClientError) -> bool:
    """Return True if the S3 object is in an archive class or tier, so that its bytes cannot be read or copied."""
    return code_of(error) in ARCHIVED


def is_restoring(error: ClientError) -> bool:
    """Return True if S3 need not be asked for a restore: it is in progress, or the object can be read."""
    return code_of(error) in RESTORING


def is_restore_busy(error: ClientError) -> bool:
    """Return True if S3 accepts no restore at the moment; the same call can succeed later."""
    return is_throttle(error) or code_of(error) in RESTORES_BUSY


def is_restore_refused(error: ClientError) -> bool:
    """Return True if S3 will never restore the object."""
    return is_missing(error) or is_denied(error) or is_invalid(error) or code_of(error) in RESTORES_REFUSED


def is_unknown_upload(error: ClientError) -> bool:
    """Return True if S3 has no multipart upload of this id: it was completed, or aborted."""
    return code_of(error) == "NoSuchUpload"


def is_key_refusal(error: ClientError) -> bool:
    """Return True if KMS may be the reason: the caller lacks a permission, or the key is disabled or deleted."""
    return is_denied(error) or code_of(error).startswith(OF_KMS)


def is_bad_request(error: ClientError) -> bool:
    """Return True if S3 misses a part of the request, such as the key of an object under SSE-C.

    A HEAD request returns only the status.
    """
    return code_of(error) in BAD_REQUEST


def is_throttle(error: ClientError) -> bool:
    """Return True if the service received too many requests; the same call can succeed later."""
    return code_of(error) in THROTTLE


def is_busy(error: ClientError) -> bool:
    """Return True if an endpoint of SageMaker does not accept the request at the moment."""
    return is_throttle(error) or code_of(error) in BUSY


def is_limit(error: ClientError) -> bool:
    """Return True if a SageMaker quota of the account (instances or jobs) is used up until a job ends."""
    return code_of(error) == "ResourceLimitExceeded"


def is_quota(error: ClientError) -> bool:
    """Return True if a quota of HealthOmics is used up; the same call can succeed when a run has ended."""
    return code_of(error) in QUOTA


def is_unknown_resource(error: ClientError) -> bool:
    """Return True if HealthOmics has no such run, workflow or run group."""
    return code_of(error) == "ResourceNotFoundException"


def is_contradiction(error: ClientError) -> bool:
    """Return True if HealthOmics got another request with the same token before, or if a resource is not ready."""
    return code_of(error) == "ConflictException"


def is_taken(error: ClientError) -> bool:
    """Return True if SageMaker already has a job or a model of this name. For models only the message shows this."""
    return code_of(error) == "ResourceInUse" or "already existing" in message_of(error)


def is_invalid(error: ClientError) -> bool:
    """Return True if the service will never accept this request."""
    return code_of(error) in INVALID


def is_unknown_job(error: ClientError) -> bool:
    """Return True if SageMaker has no job of this name.

    Its service model names ResourceNotFound; the service returns ValidationException for some kinds of job.
    """
    return code_of(error) == "ResourceNotFound" or is_invalid(error)


def is_expired(error: ClientError) -> bool:
    """Return True if the credentials have expired."""
    return code_of(error) in EXPIRED


def is_unknown_key(error: ClientError) -> bool:
    """Return True if the service does not know the access key, or its secret is wrong."""
    return code_of(error) in UNKNOWN_KEY


def is_denied(error: ClientError) -> bool:
    """Return True if the credentials lack a permission."""
    return code_of(error) in DENIED


def is_unknown_stack(error: ClientError) -> bool:
    """Return True if CloudFormation has no stack of this name. Only the message shows this; the code is unspecific."""
    return code_of(error) == "ValidationError" and "does not exist" in message_of(error)
