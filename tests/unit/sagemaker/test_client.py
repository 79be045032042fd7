"""The three kinds of job are created, adopted, refused and described alike; the table fits SageMaker's own model."""

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.moves import JOB, MOVES
from seqdrop.ledger.records import EXAMINE, TRAIN, TRANSFORM
from seqdrop.sagemaker.client import ENDS, JOB_TYPES, covers, create, create_model, describe

from tests.support.aws.errors import RefusedError

NAME = "seqdrop-reads-x-1"
TASKS = pytest.mark.parametrize("task", [TRANSFORM, EXAMINE, TRAIN])


def request_of(task: str, **changes) -> dict:
    """A request with every decisive member; what SageMaker makes of them is not asked here."""
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
def test_a_job_is_created_once_however_often_it_is_asked_for(services, service, task):
    assert [create(services.sagemaker, task, request_of(task)) for _ in range(3)] == [True] * 3
    assert list(service.jobs) == [NAME]


@pytest.mark.parametrize(("task", "member"), [(task, name) for task, job in JOB_TYPES.items() for name in job.decisive])
def test_a_job_of_the_name_that_was_asked_for_something_else_is_refused(services, service, task, member):
    service.put(JOB_TYPES[task].word, **request_of(task, **{member: {"another": "value"}}))
    with pytest.raises(JobRefusedError, match=f"a job of this name exists with another {member}"):
        create(services.sagemaker, task, request_of(task))
    assert list(service.jobs) == [NAME]


@TASKS
def test_what_the_service_adds_to_a_request_does_not_make_it_another(services, service, task):
    service.put(JOB_TYPES[task].word, **request_of(task, Added="by the service"))
    assert create(services.sagemaker, task, request_of(task))


@TASKS
@pytest.mark.parametrize(
    "code", ["ResourceLimitExceeded", "ThrottlingException", "Throttling", "TooManyRequestsException"]
)
def test_without_room_there_is_no_job_and_no_error(services, service, task, code):
    service.refusal = code
    assert create(services.sagemaker, task, request_of(task)) is False
    assert service.jobs == {}


@TASKS
def test_a_request_that_is_never_taken_is_refused_in_the_services_words(services, service, task):
    service.accidents = [(RefusedError("ValidationException", "1 validation error detected"), None)]
    with pytest.raises(JobRefusedError, match="SageMaker refused the job: 1 validation error detected"):
        create(services.sagemaker, task, request_of(task))


@TASKS
@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalFailure", "ResourceNotFound"])
def test_any_other_error_is_raised_as_it_is(services, service, task, code):
    service.refusal = code
    with pytest.raises(ClientError, match=code):
        create(services.sagemaker, task, request_of(task))


def refusing(code: str, message: str):
    """A client whose CreateModel says no."""

    class SageMaker:
        def create_model(self, **request):
            raise ClientError({"Error": {"Code": code, "Message": message}}, "CreateModel")

    return SageMaker()


def test_a_model_is_created_once(services, service):
    assert create_model(services.sagemaker, {**MODEL, "ModelName": "other"})
    assert create_model(services.sagemaker, {**MODEL, "ModelName": "other"})
    assert sorted(service.models) == ["m", "other"]


def test_a_model_waits_is_refused_or_fails_as_a_job_does():
    assert create_model(refusing("ThrottlingException", "Rate exceeded"), MODEL) is False
    assert create_model(refusing("ResourceLimitExceeded", "no"), MODEL) is False
    with pytest.raises(JobRefusedError, match="SageMaker refused the model: Could not find model data"):
        create_model(refusing("ValidationException", "Could not find model data at s3://results/x."), MODEL)
    with pytest.raises(ClientError, match="AccessDenied"):
        create_model(refusing("AccessDeniedException", "no"), MODEL)


@TASKS
@pytest.mark.parametrize(
    ("status", "end"),
    [("InProgress", None), ("Stopping", None), ("Completed", "DONE"), ("Failed", "FAILED"), ("Stopped", "STOPPED")],
)
def test_a_status_is_an_end_or_none(services, service, task, status, end):
    create(services.sagemaker, task, request_of(task))
    service.end(NAME, status)
    found = describe(services.sagemaker, task, NAME)
    assert (found.end, found.response[JOB_TYPES[task].name]) == (end, NAME)


@TASKS
def test_the_reason_is_the_services_where_it_has_one(services, service, task):
    create(services.sagemaker, task, request_of(task))
    service.end(NAME, "Failed")
    assert describe(services.sagemaker, task, NAME).reason == "the job ended as FAILED"
    service.end(NAME, "Failed", FailureReason="AlgorithmError: it died")
    assert describe(services.sagemaker, task, NAME).reason == "AlgorithmError: it died"


@TASKS
def test_a_job_that_is_not_there_is_an_error(services, service, task):
    with pytest.raises(ClientError, match="Could not find requested job"):
        describe(services.sagemaker, task, NAME)


@TASKS
def test_the_table_names_what_sagemaker_has(task):
    job, model = JOB_TYPES[task], botocore.session.get_session().get_service_model("sagemaker")
    asked = model.operation_model(f"Create{job.word}Job").input_shape.members
    told = model.operation_model(f"Describe{job.word}Job").output_shape.members
    assert {job.name, *job.decisive} <= set(asked)
    assert {job.name, job.status, "FailureReason", *job.decisive} <= set(told)
    client = boto3.client("sagemaker", region_name="us-east-1")
    assert callable(getattr(client, job.create))
    assert callable(getattr(client, job.describe))
    statuses = set(told[job.status].enum)
    assert set(ENDS) <= statuses
    # A job that is being deleted has ended before; the ledger asks no more.
    assert statuses - set(ENDS) <= {"InProgress", "Stopping", "Deleting"}


@TASKS
def test_the_template_listens_to_these_events(template, task):
    rules = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Events::Rule"]
    patterns = [rule["EventPattern"] for rule in rules if JOB_TYPES[task].event in rule["EventPattern"]["detail-type"]]
    assert [pattern["detail"][JOB_TYPES[task].status] for pattern in patterns] == [list(ENDS)]


def test_every_end_is_a_state_of_the_ledger():
    assert {move.target for move in MOVES if move.kind == JOB} >= set(ENDS.values())


@pytest.mark.parametrize(
    ("seen", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": [1, {"c": 2, "d": 3}]}}, {"a": {"b": [1, {"c": 2}]}}, True),
        ([1, 2], [1], False),
        (None, {"a": 1}, False),
        ("a", ["a"], False),
    ],
)
def test_what_is_wanted_is_covered_by_what_is_there(seen, wanted, expected):
    assert covers(seen, wanted) is expected
