"""Names, requests and models, held to SageMaker's own description (botocore) and to the bounds it leaves out."""

import json
from dataclasses import replace

import boto3
import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.analyses import packaged
from seqdrop.errors import JobRefused
from seqdrop.jobs.models import ModelArchive, current_archive, model_request, push_archive
from seqdrop.jobs.names import PATTERN, job_name
from seqdrop.jobs.rules import check_transform
from seqdrop.jobs.transform import manifest, transform_request
from seqdrop.ledger.records import Attempt
from seqdrop.uploads import upload_id


def member(number: int, analysis: str = "contigs", attempt: int = 1, shards: int = 2) -> Attempt:
    return Attempt(
        "PLANNED", upload_id=upload_id("b", str(number), "v"), analysis=analysis, number=attempt, shards=shards
    )


@given(st.sets(st.integers(0, 500), min_size=1, max_size=99), st.integers(1, 9999), st.randoms())
def test_a_name_fits_and_does_not_depend_on_order(numbers, attempt, random):
    members = [member(number, "twelveletter", attempt) for number in numbers]
    name = job_name(members)
    assert PATTERN.fullmatch(name)
    random.shuffle(members)
    assert job_name(members) == name


def test_other_members_or_attempts_have_other_names():
    names = [
        job_name([member(1)]),
        job_name([member(2)]),
        job_name([member(1, attempt=2)]),
        job_name([member(1), member(2)]),
        job_name([member(1), member(3)]),
    ]
    assert len(set(names)) == len(names)


@pytest.fixture
def request_for(services):
    def make(name: str = "reads", members: int = 2) -> dict:
        found = [member(number, name) for number in range(members)]
        return transform_request(services.settings, packaged().by_name[name], job_name(found), "seqdrop-m", found)

    return make


@pytest.mark.parametrize("name", ["reads", "contigs"])
def test_the_request_is_one_that_the_service_describes(request_for, name):
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateTransformJob").input_shape
    assert ParamValidator().validate(request_for(name), shape).generate_report() == ""


def test_the_request_says_how_windows_are_cut(request_for):
    assert request_for("contigs")["Environment"] == {
        "SEQDROP_WINDOW": "300",
        "SEQDROP_STRIDE": "150",
        "SEQDROP_STRANDS": "+-",
        "SEQDROP_MAX_N_FRACTION": "0.1",
        "SEQDROP_TASK": "promoter",
        "SEQDROP_SHORT": "skip",
        "SEQDROP_PRECISION": "auto",
    }


def test_a_job_takes_no_more_instances_than_it_has_objects(services):
    settings = replace(services.settings, instance_count=8)
    members = [member(1, shards=3)]
    found = transform_request(settings, packaged().by_name["contigs"], job_name(members), "m", members)
    assert found["TransformResources"]["InstanceCount"] == 3


def test_the_manifest_lists_every_shard_once(services):
    prefix, *keys = manifest(services.settings, [member(1), member(2)])
    assert prefix == {"prefix": "s3://work/"}
    assert len(set(keys)) == len(keys) == 4
    assert len({key.rsplit("/", 1)[1] for key in keys}) == 4  # outputs are told apart by base name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"TransformJobName": "-x"}, "name"),
        ({"TransformJobName": "x" * 64}, "name"),
        ({"MaxPayloadInMB": 101}, "0 to 100"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "100 at the most"),
        ({"Environment": {str(n): "x" for n in range(17)}}, "16 entries"),
        ({"Environment": {"x": "y" * 10241}}, "10240"),
        ({"TransformResources": {"InstanceCount": 101}}, "InstanceCount"),
        ({"Tags": [{}] * 51}, "50 tags"),
    ],
)
def test_bounds_that_botocore_does_not_check(request_for, change, message):
    with pytest.raises(JobRefused, match=message):
        check_transform(request_for() | change)


def test_the_pointer_follows_the_last_push_and_keeps_history(cloud):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="results")
    with pytest.raises(JobRefused, match="models push m"):
        current_archive(s3, "results", "m")
    first = push_archive(s3, "results", "m", b"one", "t1")
    second = push_archive(s3, "results", "m", b"two", "t2")
    again = push_archive(s3, "results", "m", b"two", "t3")
    assert current_archive(s3, "results", "m") == second == again != first
    pointer = json.loads(s3.get_object(Bucket="results", Key="models/m/current.json")["Body"].read())
    assert [entry["digest"] for entry in pointer["history"]] == [first.digest]
    assert s3.get_object(Bucket="results", Key=first.key)["Body"].read() == b"one"


def test_a_model_is_named_by_all_that_it_is(services):
    archive = ModelArchive("promoter-70", "models/promoter-70/ab.tar.gz", "ab" * 32)
    request = model_request(services.settings, archive, 1)
    assert PATTERN.fullmatch(request["ModelName"])
    assert request == model_request(services.settings, archive, 1)
    others = [
        model_request(replace(services.settings, execution_role="another stack's"), archive, 1),
        model_request(replace(services.settings, transform_image="gpu"), archive, 1),
        model_request(services.settings, replace(archive, key="other"), 1),
        model_request(services.settings, archive, 2),
    ]
    assert len({found["ModelName"] for found in [request, *others]}) == 5


def test_the_model_request_is_one_that_the_service_describes(services):
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateModel").input_shape
    found = model_request(services.settings, ModelArchive("promoter-70", "k", "d"), 1)
    found["ExecutionRoleArn"] = "arn:aws:iam::123456789012:role/execution"
    assert ParamValidator().validate(found, shape).generate_report() == ""
