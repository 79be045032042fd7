"""The request for a training job, checked with SageMaker's own model and with bounds that botocore lacks."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator
from seqdrop.errors import JobRefusedError
from seqdrop.models.code_bundles import Program
from seqdrop.sagemaker.limits import check_training
from seqdrop.sagemaker.requests.training import METRICS, Inputs, has_own_disks, training_request
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.jobfile import parse
from seqdrop.training.plan.sizing import size_training
from seqdrop.training.request import Order

from tests.support.model_code import MODEL_CODE

NAME = f"seqdrop-training-{'A' * 26}-1"
ROLE = "arn:aws:iam::123456789012:role/training"
COUNTS = {split: {"records": 10, "letters": 1000, "classes": {}} for split in ("train", "validation", "test")}
DATA = '[data]\nformat = "csv"\nfile = "a.csv"\n'


@pytest.fixture
def build(services):
    def build_request(text: str, **settings) -> dict:
        job = parse(text.encode())
        order = Order("x", job, {"a.csv": "B" * 26}, "training/ab/data/", Prepared("d", "t", COUNTS))
        changed = replace(services.settings, training_role=ROLE, **settings)
        weights = "models/prot_bert_bfd/ab/model.tar.gz" if job.weights else ""
        size = size_training(job, order.prepared.residues, smp=False)
        program = Program("training/protein/cd/", "cd")
        inputs = Inputs(program, weights, f"s3://work/checkpoints/{NAME}/", "A" * 26)
        return training_request(changed, NAME, order, size, inputs)

    return build_request


CNN = f'model = "cnn"\n{DATA}[instance]\ntype = "ml.m5.xlarge"\nspot = false\n'
BERT = f"""model = "protbert"
weights = "prot_bert_bfd"
{DATA}
[instance]
type = "ml.g5.12xlarge"
[distribution]
profile = "fsdp"
"""
DNABERT = f'model = "dnabert"\n{DATA}[instance]\ntype = "ml.m5.xlarge"\n'


def test_the_request_has_exactly_these_members(build):
    request = build(CNN)
    channel = lambda name, uri: {  # noqa: E731
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
        "InputMode": "File",
        "CompressionType": "None",
    }
    hyperparameters = request.pop("HyperParameters")
    assert request.pop("AlgorithmSpecification")["TrainingImage"] == "training_image"
    assert request == {
        "TrainingJobName": NAME,
        "RoleArn": ROLE,
        "InputDataConfig": [
            channel("data", "s3://work/training/ab/data/"),
            channel("code", "s3://models/training/protein/cd/"),
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://work/jobs/", "KmsKeyId": "key"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 100,
            "VolumeKmsKeyId": "key",
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 43200},
        "CheckpointConfig": {"S3Uri": f"s3://work/checkpoints/{NAME}/", "LocalPath": "/opt/ml/checkpoints"},
        "EnableManagedSpotTraining": False,
        "EnableNetworkIsolation": True,
        "Environment": {},
        "Tags": [
            {"Key": "seqdrop:analysis", "Value": "training"},
            {"Key": "seqdrop:upload", "Value": "A" * 26},
            {"Key": "seqdrop:training", "Value": "x"},
        ],
    }
    assert hyperparameters["sagemaker_submit_directory"] == "/opt/ml/input/data/code/sourcedir.tar.gz"
    assert {"model", "task", "epochs", "learning_rate", "profile", "activation_checkpointing"} <= set(hyperparameters)


def test_the_hyperparameters_are_arguments_of_the_script(build):
    """The arguments are read from the text, because unit tests may lack the libraries that the script imports."""
    arguments = read_arguments(MODEL_CODE / "protein/arguments.py")
    for text in (CNN, BERT):
        names = {name for name in build(text)["HyperParameters"] if not name.startswith("sagemaker_")}
        assert names <= arguments
    names = {name for name in build(DNABERT)["HyperParameters"] if not name.startswith("sagemaker_")}
    assert names == {"task", "epochs", "learning-rate", "seed"}
    assert {name.replace("-", "_") for name in names} <= read_arguments(MODEL_CODE / "dnabert/hyperparameters.py")


def read_arguments(module: Path) -> set[str]:
    """Return the fields of a module's dataclasses."""
    classes = [node for node in ast.parse(module.read_text()).body if isinstance(node, ast.ClassDef)]
    return {line.target.id for item in classes for line in item.body if isinstance(line, ast.AnnAssign)}


def test_several_gpus_start_torchrun_and_their_local_disks_take_no_key(build):
    request = build(BERT)
    assert request["HyperParameters"]["sagemaker_torch_distributed_enabled"] == "true"
    assert "VolumeKmsKeyId" not in request["ResourceConfig"]
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 25267, "MaxWaitTimeInSeconds": 50534}
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["data", "code", "model"]


def test_dnabert_has_its_own_channels(build):
    channels = build(DNABERT)["InputDataConfig"]
    uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
    assert uris["train"] == "s3://work/training/ab/data/train.jsonl"
    assert uris["validation"] == "s3://work/training/ab/data/validation.jsonl"


def test_network_and_isolation_are_those_of_the_stack(build):
    request = build(
        CNN, training_subnets="subnet-1,subnet-2", training_security_groups="sg-1", training_isolation="true"
    )
    assert request["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert request["EnableNetworkIsolation"] is True


@pytest.mark.parametrize("text", [CNN, BERT, DNABERT])
def test_the_request_matches_the_description_of_the_service(build, text):
    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateTrainingJob").input_shape
    assert ParamValidator().validate(build(text), shape).generate_report() == ""
    from local.sagemaker.shapes import check

    check("CreateTrainingJob", build(text))


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("progress epoch=1.5 step=30 loss=0.91 tokens_per_second=1234", "progress:loss", "0.91"),
        ("validation epoch=2 q3=0.71 loss=0.8", "validation:q3", "0.71"),
        ("test q3=0.72 q8=0.61 loss=0.5", "test:q8", "0.61"),
        ("step=3/30 eval_loss=0.5 eval_mcc=-0.12", "dnabert:eval_mcc", "-0.12"),
        ("step=3/30 loss=1e-05 learning_rate=3", "dnabert:loss", "1e-05"),
    ],
)
def test_metrics_are_read_from_the_log(line, name, value):
    matches = {key: re.search(regex, line) for key, regex in METRICS.items()}
    assert matches[name].group(1) == value
    assert {key.partition(":")[0] for key, match in matches.items() if match} == {name.partition(":")[0]}


@pytest.mark.parametrize(
    "kind", ["ml.g5.xlarge", "ml.g4dn.xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge", "ml.g6e.xlarge"]
)
def test_instances_with_local_disks(kind):
    from local.sagemaker.training_jobs import OWN_DISKS

    assert has_own_disks(kind)
    assert OWN_DISKS.match(kind)
    assert not has_own_disks("ml.m5.xlarge")
    assert not has_own_disks("ml.p3.16xlarge")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"TrainingJobName": "-x"}, "name"),
        ({"HyperParameters": {str(n): "x" for n in range(101)}}, "100 entries"),
        ({"HyperParameters": {"x": "y" * 2501}}, "2500"),
        ({"HyperParameters": {"x" * 257: "y"}}, "256"),
        ({"Environment": {"x": "y" * 513}}, "512"),
        ({"InputDataConfig": []}, "1 to 20 channels"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "MaxRuntimeInSeconds"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}}, "spot"),
        ({"EnableManagedSpotTraining": True}, "spot"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
            },
            "must not be below",
        ),
        ({"ResourceConfig": {"InstanceCount": 101, "VolumeSizeInGB": 1}}, "InstanceCount"),
        ({"VpcConfig": {"Subnets": ["a"], "SecurityGroupIds": [""]}}, "security groups"),
        ({"Tags": [{}] * 51}, "50 tags"),
    ],
)
def test_bounds_that_botocore_does_not_check(build, change, message):
    with pytest.raises(JobRefusedError, match=message):
        check_training(build(CNN) | change)
