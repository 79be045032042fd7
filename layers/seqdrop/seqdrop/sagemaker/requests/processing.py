"""The request for the processing job that examines one upload."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.models.code_bundles import PROCESSING_ENTRY, Code
from seqdrop.sagemaker.limits import check_processing

if TYPE_CHECKING:
    from seqdrop.config.settings import Settings
    from seqdrop.ledger.records import Upload
    from seqdrop.uploads import UploadVersion

INPUT = "/opt/ml/processing/input"
VOLUME_GB = 20  # for the image and the packages; nothing of the file goes to disk
# A job may take as long as the slowest machine would, and is then ended: one that hangs must not run for days.
LEAST_SECONDS, SLOWEST = 3600, 2_000_000  # bytes a second
LONGEST = 5 * 86400


def brief(work: str, version: UploadVersion, plan: str, number: int) -> dict:
    """What a job finds in its request: an environment variable holds 256 characters, and a key has up to 1024 bytes.

    `number` is that of the attempt which it reads for.
    """
    return {"work": work, "version": asdict(version), "plan": plan, "number": number}


def processing_request(settings: Settings, name: str, upload: Upload, code: Code, region: str) -> dict:
    """A CreateProcessingJob request. Raises JobRefusedError if it breaks a bound of the service."""
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
                _channel("code", f"s3://{settings.results}/{code.prefix}"),
                _channel("request", f"s3://{settings.work}/{keys.job_request(name)}"),
            ],
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": settings.processing_instance_type,
                    "InstanceCount": 1,
                    "VolumeSizeInGB": VOLUME_GB,
                    "VolumeKmsKeyId": settings.key,
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": min(LEAST_SECONDS + upload.size // SLOWEST, LONGEST)},
            "Tags": [
                {"Key": "seqdrop:analysis", "Value": upload.analysis},
                {"Key": "seqdrop:upload", "Value": upload.id},
            ],
        }
    )


def _channel(name: str, uri: str) -> dict:
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
