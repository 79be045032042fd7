"""Names, requests and models, checked with SageMaker's model (botocore) and with bounds that it lacks."""

import json
from dataclasses import replace

import boto3
import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import JobRefusedError
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt
from seqdrop.models.archives import ModelArchive, class_names, current_archive, model_request, push_archive
from seqdrop.sagemaker.limits import check_transform
from seqdrop.sagemaker.names import PATTERN, job_name
from seqdrop.sagemaker.requests.transform import manifest, transform_request
from seqdrop.uploads import upload_id

from local.testing import make_model_archive


def make_archive(*labels: str) -> bytes:
    return make_model_archive({"config.json": json.dumps({"id2label": dict(enumerate(labels))})})


def member(number: int, analysis: str = "contigs", attempt: int = 1, shards: int = 2) -> Attempt:
    return Attempt(
        "PLANNED", upload_id=upload_id("b", str(number), "v"), analysis=analysis, number=attempt, shards=shards
    )


@given(st.sets(st.integers(0, 500), min_size=1, max_size=99), st.integers(1, 9999), st.randoms())
def test_a_name_is_valid_and_does_not_depend_on_the_order(numbers, attempt, random):
    members = [member(number, "twelveletter", attempt) for number in numbers]
    name = job_name(members)
    assert PATTERN.fullmatch(name)
    random.shuffle(members)
    assert job_name(members) == name


def test_other_members_or_attempts_give_other_names():
    names = [
        job_name([member(1)]),
        job_name([member(2)]),
        job_name([member(1, attempt=2)]),
        job_name([member(1), member(2)]),
        job_name([member(1), member(3)]),
    ]
    assert len(set(names)) == len(names)


@pytest.fixture
def build(services):
    def build_request(name: str = "reads", members: int = 2) -> dict:
        attempts = [member(number, name) for number in range(members)]
        return transform_request(services.settings, packaged().by_name[name], job_name(attempts), "seqdrop-m", attempts)

    return build_request


@pytest.mark.parametrize("name", ["reads", "contigs"])
def test_the_request_matches_the_description_of_the_service(build, name):
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateTransformJob").input_shape
    assert ParamValidator().validate(build(name), shape).generate_report() == ""


def test_the_environment_has_the_settings_of_the_windows(build):
    assert build("contigs")["Environment"] == {
        "SEQDROP_WINDOW": "300",
        "SEQDROP_STRIDE": "150",
        "SEQDROP_STRANDS": "+-",
        "SEQDROP_MAX_N_FRACTION": "0.1",
        "SEQDROP_TASK": "promoter",
        "SEQDROP_SHORT": "skip",
        "SEQDROP_PRECISION": "auto",
    }


def test_a_job_has_at_most_as_many_instances_as_objects(services):
    settings = replace(services.settings, instance_count=8)
    members = [member(1, shards=3)]
    request = transform_request(settings, packaged().by_name["contigs"], job_name(members), "m", members)
    assert request["TransformResources"]["InstanceCount"] == 3


def test_the_manifest_lists_every_shard_once(services):
    prefix, *keys = manifest(services.settings, [member(1), member(2)])
    assert prefix == {"prefix": "s3://work/"}
    assert len(set(keys)) == len(keys) == 4
    assert len({key.rsplit("/", 1)[1] for key in keys}) == 4  # outputs are distinguished by their base name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"TransformJobName": "-x"}, "name"),
        ({"TransformJobName": "x" * 64}, "name"),
        ({"MaxPayloadInMB": 101}, "0 to 100"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "MaxConcurrentTransforms must be"),
        ({"Environment": {str(n): "x" for n in range(17)}}, "16 entries"),
        ({"Environment": {"x": "y" * 10241}}, "10240"),
        ({"TransformResources": {"InstanceCount": 101}}, "InstanceCount"),
        ({"Tags": [{}] * 51}, "50 tags"),
    ],
)
def test_bounds_that_botocore_does_not_check(build, change, message):
    with pytest.raises(JobRefusedError, match=message):
        check_transform(build() | change)


def test_the_pointer_follows_the_last_push_and_keeps_history(cloud):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    with pytest.raises(JobRefusedError, match="models push m"):
        current_archive(s3, "models", "m")
    old, new = make_archive("no", "yes"), make_archive("other", "promoter")
    first = push_archive(s3, "models", "m", old, "t1")
    second = push_archive(s3, "models", "m", new, "t2")
    again = push_archive(s3, "models", "m", new, "t3")
    assert current_archive(s3, "models", "m") == second == again != first
    pointer = json.loads(s3.get_object(Bucket="models", Key="models/m/current.json")["Body"].read())
    assert [entry["digest"] for entry in pointer["history"]] == [first.digest]
    assert (pointer["current"]["labels"], pointer["current"]["since"]) == (["other", "promoter"], "t2")
    assert s3.get_object(Bucket="models", Key=first.key)["Body"].read() == old


def test_another_push_adds_the_labels_that_a_pointer_lacks(cloud):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    body = make_archive("no", "yes")
    archive = push_archive(s3, "models", "m", body, "t1")
    pointer = json.loads(s3.get_object(Bucket="models", Key="models/m/current.json")["Body"].read())
    del pointer["current"]["labels"]  # as in pointers from before labels were recorded
    s3.put_object(Bucket="models", Key="models/m/current.json", Body=json.dumps(pointer).encode())
    pushed = current_archive(s3, "models", "m")
    assert pushed.labels == ()
    with pytest.raises(JobRefusedError, match=r"does not name its classes.*models push m FOLDER --labels"):
        pushed.check_label("yes")
    assert push_archive(s3, "models", "m", body, "t2") == current_archive(s3, "models", "m") == archive
    pointer = json.loads(s3.get_object(Bucket="models", Key="models/m/current.json")["Body"].read())
    assert pointer["history"] == []


@pytest.mark.parametrize(
    "body",
    [b"", b"no archive", make_model_archive({"vocab.txt": ""}), make_model_archive({"config.json": "{"})],
    ids=["empty", "no archive", "no config", "broken config"],
)
def test_a_file_that_is_not_a_model_archive_is_not_pushed(cloud, body):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="models")
    with pytest.raises(ValueError, match=r"not a model\.tar\.gz"):
        push_archive(s3, "models", "m", body, "t")
    assert "Contents" not in s3.list_objects_v2(Bucket="models")


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"id2label": {"1": "yes", "0": "no"}}, ("no", "yes")),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, ()),
        ({"id2label": {"0": "no", "1": "LABEL_1"}}, ()),
        ({"id2label": {"0": "no", "2": "yes"}}, ()),
        ({}, ()),
    ],
)
def test_the_names_of_classes_are_those_of_the_config(config, names):
    assert class_names(config) == names


def test_only_the_label_of_the_model_is_accepted():
    archive = ModelArchive("m", "k", "d", ("not promoter", "promoter"))
    archive.check_label("promoter")
    for label in ("not promoter", "Promoter", "core promoter", ""):
        with pytest.raises(JobRefusedError, match="positive class of model 'm' is 'promoter'"):
            archive.check_label(label)


@pytest.mark.parametrize(
    "analysis", [item for item in packaged().by_name.values() if getattr(item.settings, "label", "")]
)
def test_the_labels_of_the_seeds_are_those_in_analyses_toml(repository, analysis):
    config = json.loads((repository / f"model_code/dnabert/seeds/{analysis.settings.model}/config.json").read_text())
    assert class_names(config)[1] == analysis.settings.label


def test_a_model_has_another_name_if_anything_about_it_differs(services):
    archive = ModelArchive("promoter-70", "models/promoter-70/ab.tar.gz", "ab" * 32)
    request = model_request(services.settings, archive, 1)
    assert PATTERN.fullmatch(request["ModelName"])
    assert request == model_request(services.settings, archive, 1)
    others = [
        model_request(replace(services.settings, execution_role="another stack's"), archive, 1),
        model_request(replace(services.settings, transform_image="gpu"), archive, 1),
        model_request(services.settings, replace(archive, key="other"), 1),
        model_request(services.settings, archive, 2),
        model_request(replace(services.settings, job_subnets="subnet-1", job_security_groups="sg-1"), archive, 1),
    ]
    assert len({item["ModelName"] for item in [request, *others]}) == 6


def test_the_model_runs_in_the_subnets_of_the_stack(services):
    settings = replace(services.settings, job_subnets="subnet-1,subnet-2", job_security_groups="sg-1")
    request = model_request(settings, ModelArchive("m", "k", "d"), 1)
    assert request["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert "VpcConfig" not in model_request(services.settings, ModelArchive("m", "k", "d"), 1)


@pytest.mark.parametrize("instance_type", ["ml.m5.xlarge", "ml.c7i.16xlarge", "ml.t3.medium", "ml.inf2.xlarge"])
def test_on_cpus_a_single_worker_has_all_cores(services, instance_type):
    """By default multi-model-server starts a single-threaded worker for each vCPU; requests arrive one at a time."""
    variables = environment(services, instance_type)
    assert (variables["SAGEMAKER_MODEL_SERVER_WORKERS"], variables["SEQDROP_THREADS"]) == ("1", "all")


@pytest.mark.parametrize("instance_type", ["ml.g4dn.xlarge", "ml.g5.12xlarge", "ml.g6e.xlarge", "ml.p3.2xlarge"])
def test_on_gpus_the_server_starts_a_worker_for_each_gpu(services, instance_type):
    assert not {"SAGEMAKER_MODEL_SERVER_WORKERS", "SEQDROP_THREADS"} & environment(services, instance_type).keys()


def environment(services, instance_type: str) -> dict[str, str]:
    settings = replace(services.settings, instance_type=instance_type)
    return model_request(settings, ModelArchive("m", "k", "d"), 1)["PrimaryContainer"]["Environment"]


@pytest.mark.parametrize("network", [{}, {"job_subnets": "subnet-1,subnet-2", "job_security_groups": "sg-1"}])
def test_the_model_request_matches_the_description_of_the_service(services, network):
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateModel").input_shape
    request = model_request(replace(services.settings, **network), ModelArchive("promoter-70", "k", "d"), 1)
    request["ExecutionRoleArn"] = "arn:aws:iam::123456789012:role/execution"
    assert ParamValidator().validate(request, shape).generate_report() == ""
