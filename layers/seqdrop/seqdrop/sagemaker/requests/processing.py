"""The request for the processing job that examines one upload."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypedDict, cast

from seqdrop.aws import keys
from seqdrop.models.code_bundles import PROCESSING_ENTRY, Code
from seqdrop.sagemaker.limits import check_processing
from seqdrop.sagemaker.tags import cost_tags

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ProcessingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import CreateProcessingJobRequestTypeDef, ProcessingInputTypeDef

    from seqdrop.config.settings import Settings
    from seqdrop.ledger.records import Upload
    from seqdrop.uploads import UploadVersion

INPUT = "/opt/ml/processing/input"
VOLUME_GB = 20  # for the image and the packages; no part of the upload is written to disk
# A job is stopped after the time that the slowest machine would need, so that a job that hangs does not run for days.
LEAST_SECONDS, LONGEST = 3600, 15 * 3600  # the largest file (MOST_GB) needs less; template.yaml has this bound
SLOWEST = 2_000_000  # bytes per second


class Brief(TypedDict):
    """Content of a job's request object: work bucket, upload version, plan (JSON), and number of the attempt."""

    work: str
    version: dict[str, Any]
    plan: str
    number: int


def brief(work: str, version: UploadVersion, plan: str, number: int) -> Brief:
    """Return the content of the job's request object.

    It cannot be an environment variable: a value there has up to 256 characters, but a key has up to 1024 bytes.
    `number` is that of the attempt for which the job reads the file.
    """
    return {"work": work, "version": asdict(version), "plan": plan, "number": number}


def processing_request(
    settings: Settings, name: str, upload: Upload, code: Code, region: str
) -> CreateProcessingJobRequestTypeDef:
    """Return a CreateProcessingJob request. Raise JobRefusedError if it exceeds a bound of the service."""
    return check_processing(
        {
            "ProcessingJobName": name,
            "RoleArn": settings.processing_role,
            "AppSpecification": {
                "ImageUri": settings.processing_image,
                "ContainerEntrypoint": ["python3", f"{INPUT}/code/{PROCESSING_ENTRY}"],
            },
            "Environment": {"AWS_DEFAULT_REGION": region, "PYTHONUNBUFFERED": "1"},
            "ProcessingInputs": [
                _channel("code", f"s3://{settings.models}/{code.prefix}"),
                _channel("request", f"s3://{settings.work}/{keys.job_request(name)}"),
            ],
            "ProcessingResources": {
                "ClusterConfig": {
                    # Any name: SageMaker refuses one that it does not know.
                    "InstanceType": cast("ProcessingInstanceTypeType", settings.processing_instance_type),
                    "InstanceCount": 1,
                    "VolumeSizeInGB": VOLUME_GB,
                    "VolumeKmsKeyId": settings.key,
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": min(LEAST_SECONDS + upload.size // SLOWEST, LONGEST)},
            "Tags": cost_tags(upload.analysis, upload.id, [upload.run]),
        }
    )


def _channel(name: str, uri: str) -> ProcessingInputTypeDef:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }
