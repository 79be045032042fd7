"""The three kinds of job are created, adopted, refused and described in one way; JOB_TYPES matches SageMaker's API."""

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.moves import JOB, MOVES
from seqdrop.ledger.records import EXAMINE, TRAIN, TRANSFORM
from seqdrop.sagemaker.client import ENDS, JOB_TYPES, covers, create, create_model, describe, exists, stop

from tests.support.aws.errors import RefusedError

NAME = "seqdrop-reads-x-1"
TASKS = pytest.mark.parametrize("task", [TRANSFORM, EXAMINE, TRAIN])


def make_request(task: str, **changes) -> dict:
    """Return a request with every decisive member; their values need not be valid for SageMaker."""
    job = JOB_TYPES[task]
    members = {"TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://work/none"}}}, "ModelName": "m"}
    return {job.name: NAME, **{name: members.get(name, name) for name in job.decisive}, **changes}


@pytest.fixture
def service(cloud):
    cloud.s3.put("results", "model.tar.gz", b"")
    cloud.sagemaker.create_model(MODEL, {})
    return cloud.sagemaker


MODEL = {"ModelName": "m", "PrimaryContainer": {"ModelDataUrl": "s3://results/model.tar.gz"}}


@TASKS
def test_repeated_requests_create_a_single_job(services, service, task):
    assert [create(services.sagemaker, task, make_request(task)) for _ in range(3)] == [True] * 3
    assert list(service.jobs) == [NAME]


@pytest.mark.parametrize(("task", "member"), [(task, name) for task, job in JOB_TYPES.items() for name in job.decisive])
def test_a_request_that_differs_from_the_job_of_its_name_is_refused(services, service, task, member):
    service.put(JOB_TYPES[task].word, **make_request(task, **{member: {"another": "value"}}))
    with pytest.raises(JobRefusedError, match=f"a job of this name exists with another {member}"):
        create(services.sagemaker, task, make_request(task))
    assert list(service.jobs) == [NAME]


@TASKS
def test_members_that_the_service_adds_do_not_make_a_request_differ(services, service, task):
    service.put(JOB_TYPES[task].word, **make_request(task, Added="by the service"))
    assert create(services.sagemaker, task, make_request(task))


@TASKS
@pytest.mark.parametrize(
    "code", ["ResourceLimitExceeded", "ThrottlingException", "Throttling", "TooManyRequestsException"]
)
def test_without_a_free_job_slot_there_is_no_job_and_no_error(services, service, task, code):
    service.refusal = code
    assert create(services.sagemaker, task, make_request(task)) is False
    assert service.jobs == {}


@TASKS
def test_an_invalid_request_is_refused_with_the_message_of_the_service(services, service, task):
    service.accidents = [(RefusedError("ValidationException", "1 validation error detected"), None)]
    with pytest.raises(JobRefusedError, match="SageMaker refused the job: 1 validation error detected"):
        create(services.sagemaker, task, make_request(task))


@TASKS
def test_a_request_that_iam_denies_is_refused_at_once(services, service, task):
    """The role of the function has conditions on types and hours, so that trying again cannot help."""
    word = JOB_TYPES[task].word
    text = f"User: x is not authorized to perform: sagemaker:Create{word}Job on resource: y"
    service.accidents = [(RefusedError("AccessDeniedException", text), None)]
    with pytest.raises(JobRefusedError, match="IAM does not allow this job"):
        create(services.sagemaker, task, make_request(task))


def test_a_job_is_stopped_once(services, service):
    service.put("Transform", **make_request(TRANSFORM))
    assert [stop(services.sagemaker, TRANSFORM, NAME) for _ in range(2)] == [True, False]
    service.end(NAME, "Completed")
    assert not stop(services.sagemaker, TRANSFORM, NAME)


def test_another_error_of_a_stop_is_raised():
    with pytest.raises(ClientError, match="ThrottlingException"):
        stop(refusing_client("ThrottlingException", "no"), TRANSFORM, NAME)


@TASKS
@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalFailure", "ResourceNotFound"])
def test_any_other_error_is_raised_unchanged(services, service, task, code):
    service.refusal = code
    with pytest.raises(ClientError, match=code):
        create(services.sagemaker, task, make_request(task))


def refusing_client(code: str, message: str):
    """Return a client whose CreateModel and DescribeTransformJob raise an error."""

    class SageMaker:
        def create_model(self, **request):
            raise ClientError({"Error": {"Code": code, "Message": message}}, "CreateModel")

        stop_transform_job = create_model
        describe_transform_job = create_model

    return SageMaker()


def test_a_model_is_created_once(services, service):
    assert create_model(services.sagemaker, {**MODEL, "ModelName": "other"})
    assert create_model(services.sagemaker, {**MODEL, "ModelName": "other"})
    assert sorted(service.models) == ["m", "other"]


def test_errors_of_a_model_are_handled_like_those_of_a_job():
    assert create_model(refusing_client("ThrottlingException", "Rate exceeded"), MODEL) is False
    assert create_model(refusing_client("ResourceLimitExceeded", "no"), MODEL) is False
    with pytest.raises(JobRefusedError, match="SageMaker refused the model: Could not find model data"):
        create_model(refusing_client("ValidationException", "Could not find model data at s3://results/x."), MODEL)
    with pytest.raises(ClientError, match="AccessDenied"):
        create_model(refusing_client("AccessDeniedException", "no"), MODEL)


@TASKS
@pytest.mark.parametrize(
    ("status", "end"),
    [("InProgress", None), ("Stopping", None), ("Completed", "DONE"), ("Failed", "FAILED"), ("Stopped", "STOPPED")],
)
def test_a_status_is_final_or_not(services, service, task, status, end):
    create(services.sagemaker, task, make_request(task))
    service.end(NAME, status)
    description = describe(services.sagemaker, task, NAME)
    assert (description.end, description.response[JOB_TYPES[task].name]) == (end, NAME)


@TASKS
def test_the_reason_is_that_of_the_service_if_there_is_one(services, service, task):
    create(services.sagemaker, task, make_request(task))
    service.end(NAME, "Failed")
    assert describe(services.sagemaker, task, NAME).reason == "the job ended as FAILED"
    service.end(NAME, "Failed", FailureReason="AlgorithmError: it died")
    assert describe(services.sagemaker, task, NAME).reason == "AlgorithmError: it died"


@TASKS
def test_a_job_that_does_not_exist_is_an_error(services, service, task):
    with pytest.raises(ClientError, match="Could not find requested job"):
        describe(services.sagemaker, task, NAME)


@TASKS
def test_the_names_in_the_table_are_those_of_sagemaker(task):
    job, model = JOB_TYPES[task], botocore.session.get_session().get_service_model("sagemaker")
    inputs = model.operation_model(f"Create{job.word}Job").input_shape.members
    outputs = model.operation_model(f"Describe{job.word}Job").output_shape.members
    assert {job.name, *job.decisive} <= set(inputs)
    assert {job.name, job.status, "FailureReason", *job.decisive} <= set(outputs)
    client = boto3.client("sagemaker", region_name="us-east-1")
    assert callable(getattr(client, job.create))
    assert callable(getattr(client, job.describe))
    statuses = set(outputs[job.status].enum)
    assert set(ENDS) <= statuses
    # A job can only be deleted after it has ended, and then the ledger has its final state.
    assert statuses - set(ENDS) <= {"InProgress", "Stopping", "Deleting"}


@TASKS
def test_the_template_has_rules_for_these_events(template, task):
    rules = [item["Properties"] for item in template["Resources"].values() if item["Type"] == "AWS::Events::Rule"]
    patterns = [
        rule["EventPattern"]
        for rule in rules
        if JOB_TYPES[task].event in rule.get("EventPattern", {}).get("detail-type", ())
    ]
    assert patterns
    assert all(pattern["detail"][JOB_TYPES[task].status] == list(ENDS) for pattern in patterns)


def test_every_final_status_is_a_state_of_the_ledger():
    assert {move.target for move in MOVES if move.kind == JOB} >= set(ENDS.values())


@pytest.mark.parametrize(
    ("actual", "required", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": [1, {"c": 2, "d": 3}]}}, {"a": {"b": [1, {"c": 2}]}}, True),
        ([1, 2], [1], False),
        (None, {"a": 1}, False),
        ("a", ["a"], False),
    ],
)
def test_a_response_covers_a_request_if_it_has_all_its_members(actual, required, expected):
    assert covers(actual, required) is expected


@TASKS
def test_whether_a_job_exists_is_known_even_if_it_has_ended(services, service, task):
    assert not exists(services.sagemaker, task, NAME)
    service.put(JOB_TYPES[task].word, **make_request(task))
    service.end(NAME, "Failed")
    assert exists(services.sagemaker, task, NAME)


def test_both_errors_for_an_absent_job_are_known():
    for code in ("ValidationException", "ResourceNotFound"):
        assert not exists(refusing_client(code, "Could not find requested job"), TRANSFORM, NAME)


def test_an_error_of_the_service_does_not_mean_that_a_job_is_absent():
    with pytest.raises(ClientError):
        exists(refusing_client("AccessDeniedException", "no"), TRANSFORM, NAME)
