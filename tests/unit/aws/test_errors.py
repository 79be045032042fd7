"""What error codes of AWS mean, and that each code is one that its service has."""

import botocore.session
import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import errors


def error(code: str, message: str = "it was refused", **more) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "Operation")


def cancelled(*reasons: str) -> ClientError:
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
}
OF_NONE = ["AccessDenied", "AccessDeniedException", "403", "NoSuchBucket", "InternalError", "500", "ExpiredToken"]


@pytest.mark.parametrize("code", [*OF_NONE, *(code for codes in MEANINGS.values() for code in codes)])
def test_a_code_has_one_meaning_or_none(code):
    expected = [name for name, codes in MEANINGS.items() if code in codes]
    assert [name for name in MEANINGS if getattr(errors, name)(error(code))] == expected
    assert len(expected) == (code not in OF_NONE)


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
def test_a_cancelled_transaction_is_a_conflict_if_nothing_else_was_wrong(reasons, expected):
    assert errors.is_conflict(cancelled(*reasons)) is expected


def test_sagemaker_says_in_words_alone_that_a_model_exists():
    found = error("ValidationException", 'Cannot create already existing model "arn:aws:sagemaker:…:model/m".')
    assert errors.is_taken(found)
    assert not errors.is_taken(error("ValidationException", "1 validation error detected"))


def test_throttles_are_those_that_botocore_retries():
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
    """S3 and SageMaker send more than they describe; what is described must be spelled so."""
    model = botocore.session.get_session().get_service_model(service)
    described = {shape.error_code for shape in model.operation_model(operation).error_shapes}
    assert described >= codes


def test_the_code_and_the_words_are_the_services():
    assert (errors.code_of(error("SlowDown")), errors.message_of(error("SlowDown"))) == ("SlowDown", "it was refused")
