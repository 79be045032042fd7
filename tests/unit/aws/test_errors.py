"""The meanings of error codes of AWS; each code is one that its service uses."""

import botocore.session
import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import errors


def error(code: str, message: str = "it was refused", **fields) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **fields}, "Operation")


def cancellation(*reasons: str) -> ClientError:
    return error("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


MEANINGS = {
    "is_missing": ["NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"],
    "is_conflict": [
        "PreconditionFailed",
        "ConditionalRequestConflict",
        "412",
        "409",
        "ConditionalCheckFailedException",
        "TransactionCanceledException",
    ],
    "is_throttle": [
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "SlowDown",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
    ],
    "is_limit": ["ResourceLimitExceeded"],
    "is_taken": ["ResourceInUse"],
    "is_invalid": ["ValidationException", "InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"],
    "is_expired": ["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
    "is_unknown_key": [
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ],
    "is_denied": ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"],
}
WITHOUT_MEANING = [
    "NoSuchBucket",
    "InternalError",
    "500",
]


@pytest.mark.parametrize("code", [*WITHOUT_MEANING, *(code for codes in MEANINGS.values() for code in codes)])
def test_a_code_has_at_most_one_meaning(code):
    expected = [name for name, codes in MEANINGS.items() if code in codes]
    assert [name for name in MEANINGS if getattr(errors, name)(error(code))] == expected
    assert len(expected) == (code not in WITHOUT_MEANING)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ((), True),
        (("None", "ConditionalCheckFailed"), True),
        (("TransactionConflict", "None"), True),
        (("ConditionalCheckFailed", "ValidationError"), False),
        (("None", "ProvisionedThroughputExceeded"), False),
        (("ItemCollectionSizeLimitExceeded",), False),
    ],
)
def test_a_cancelled_transaction_is_a_conflict_if_it_has_no_other_reason(reasons, expected):
    assert errors.is_conflict(cancellation(*reasons)) is expected


def test_only_the_message_of_sagemaker_says_that_a_model_exists():
    duplicate = error("ValidationException", 'Cannot create already existing model "arn:aws:sagemaker:…:model/m".')
    assert errors.is_taken(duplicate)
    assert not errors.is_taken(error("ValidationException", "1 validation error detected"))


def test_every_throttle_code_is_one_that_botocore_retries():
    from botocore.retries.standard import ThrottledRetryableChecker

    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) >= errors.THROTTLE


@pytest.mark.parametrize(
    ("service", "operation", "codes"),
    [
        ("s3", "GetObject", {"NoSuchKey"}),
        ("dynamodb", "TransactWriteItems", {"TransactionCanceledException"}),
        ("dynamodb", "PutItem", {"ConditionalCheckFailedException", "ProvisionedThroughputExceededException"}),
        ("sagemaker", "CreateTransformJob", {"ResourceInUse", "ResourceLimitExceeded"}),
        ("sagemaker", "CreateModel", {"ResourceLimitExceeded"}),
        ("sns", "Publish", {"InvalidParameter", "ParameterValueInvalid", "ValidationException"}),
    ],
)
def test_the_services_describe_these_codes(service, operation, codes):
    """S3 and SageMaker send more codes than they describe; those that they describe must be spelled like this."""
    model = botocore.session.get_session().get_service_model(service)
    described = {shape.error_code for shape in model.operation_model(operation).error_shapes}
    assert described >= codes


def test_code_and_message_are_those_of_the_service():
    assert (errors.code_of(error("SlowDown")), errors.message_of(error("SlowDown"))) == ("SlowDown", "it was refused")
