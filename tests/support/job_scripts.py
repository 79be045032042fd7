"""The functions' calls of SageMaker, and the output of its jobs, played to implementations of AWS (`side.py`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.testing import ModelBench, unique_name
from tests.support.aws.model import POISON

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.side import Side

CODE = """
import json, os

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return bytes(data).decode().splitlines()

def predict_fn(lines, model):
    if any(json.loads(line)["record"] == "POISON" for line in lines):
        os._exit(3)
    return lines

def output_fn(lines, accept):
    return "\\n".join(lines)
""".replace("POISON", POISON)


def play_jobs(side: Side, bucket: str, data: str, role: str, end: Callable[[str], None]) -> None:
    """Play models and jobs: refusals, the output of a job with a manifest, and a job whose container dies."""
    container = {"Image": ModelBench.image, "ModelDataUrl": data}
    model = {"ModelName": unique_name("model"), "ExecutionRoleArn": role}
    side.call("sagemaker", "create_model", **model, PrimaryContainer={**container, "ModelDataUrl": f"{data}.not"})
    side.call("sagemaker", "create_model", **model, PrimaryContainer=container)
    side.call("sagemaker", "create_model", **model, PrimaryContainer=container)
    for record in ("read", POISON):
        line = json.dumps({"id": "1", "record": record, "start": 0, "sequence": "ACGT"}) + "\n"
        put = side.clients("s3").put_object
        put(Bucket=bucket, Key=f"shards/{record}/a.jsonl", Body=line.encode())
        manifest = [{"prefix": f"s3://{bucket}/"}, f"shards/{record}/a.jsonl"]
        put(Bucket=bucket, Key=f"jobs/{record}", Body=json.dumps(manifest).encode())
        source = {"S3DataType": "ManifestFile", "S3Uri": f"s3://{bucket}/jobs/{record}"}
        request = {
            "TransformJobName": unique_name("job"),
            "ModelName": model["ModelName"],
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                "SplitType": "Line",
                "ContentType": "text/plain",
            },
            "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out/{record}/", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        side.call("sagemaker", "describe_transform_job", TransformJobName=request["TransformJobName"])
        side.call("sagemaker", "create_transform_job", **{**request, "ModelName": unique_name("absent")})
        side.call("sagemaker", "create_transform_job", **request)
        side.call("sagemaker", "create_transform_job", **request)
        end(request["TransformJobName"])
        side.call("sagemaker", "create_transform_job", **request)
        description = side.call("sagemaker", "describe_transform_job", TransformJobName=request["TransformJobName"])
        side.responses.append(
            ("FailureReason" in description, description["TransformInput"].get("CompressionType", "None"))
        )
        listed = side.clients("s3").list_objects_v2(Bucket=bucket, Prefix=f"out/{record}/").get("Contents", [])
        side.responses.append([entry["Key"] for entry in listed])


def play_job(side: Side, kind: str, request: dict, end: Callable[[str], None]) -> None:
    """Play a "training" or "processing" job: before it exists, created twice, and after its end."""
    key = f"{kind.title()}JobName"
    name = {key: request[key]}
    side.call("sagemaker", f"describe_{kind}_job", **name)
    side.call("sagemaker", f"create_{kind}_job", **request)
    side.call("sagemaker", f"create_{kind}_job", **request)
    end(request[key])
    side.call("sagemaker", f"create_{kind}_job", **request)
    described = side.call("sagemaker", f"describe_{kind}_job", **name)
    side.responses.append(
        ("FailureReason" in described, [part for part in request if described[part] != request[part]])
    )


IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.9.0-gpu-py312"
INPUT = "/opt/ml/processing/input/code"


def training_request(role: str, bucket: str, program: str) -> dict:
    """Return the request for a job that runs a program of code/code.tar.gz."""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/code/"}
    parameters = {"sagemaker_program": program, "sagemaker_submit_directory": "/opt/ml/input/data/code/code.tar.gz"}
    return {
        "TrainingJobName": unique_name("job"),
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": parameters,
        "InputDataConfig": [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def processing_request(role: str, bucket: str, program: str) -> dict:
    """Return the request for a job that runs a program of code/."""
    source = {"S3Uri": f"s3://{bucket}/code/", "LocalPath": INPUT, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
    return {
        "ProcessingJobName": unique_name("job"),
        "RoleArn": role,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", f"{INPUT}/{program}"]},
        "ProcessingInputs": [{"InputName": "code", "S3Input": source}],
        "ProcessingResources": {"ClusterConfig": cluster},
    }
