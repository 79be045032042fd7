"""The requests for processing jobs that run this package: one examines an upload, one monitors analyses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from seqdrop.aws import keys
from seqdrop.models.code_bundles import PACKAGES, PROCESSING_ENTRY, Code
from seqdrop.sagemaker.limits import check_processing
from seqdrop.sagemaker.tags import cost_tags

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import ProcessingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import CreateProcessingJobRequestTypeDef, ProcessingInputTypeDef, TagTypeDef

    from seqdrop.config.settings import Settings
    from seqdrop.ledger.records import Upload
    from seqdrop.uploads import UploadVersion

INPUT = "/opt/ml/processing/input"
# The first program of a job runs its code, the files of the channel `code`, only if they have the SHA-256 of the
# pointer. It is a part of the request, so who replaces the code does not replace the check. SageMaker takes no word of
# more than 256 characters, and no line break.
CHECK = (
    "import hashlib,runpy,sys;d,*p=sys.argv[1:];"
    "h=hashlib.sha256(b''.join(open(f,'rb').read()for f in p)).hexdigest();"
    "h==d or sys.exit(f'the code of this job has the SHA-256 {h}, not {d}: push it again');"
    "runpy.run_path(p[0],run_name='__main__')"
)
VOLUME_GB = 20  # for the image and the packages; no part of the upload is written to disk
# A job is stopped after the time that the slowest machine would need, so that a job that hangs does not run for days.
LEAST_SECONDS = 3600
LONGEST = 5 * 24 * 3600  # SageMaker's quota; the largest file (MOST_GB) needs less. template.yaml has this bound
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


@dataclass(frozen=True)
class CodeJob:
    """A processing job that runs our own code with one request object: what differs between such jobs.

    `role` is the ARN of the role that the job assumes; `seconds` is the time after which it is stopped.
    """

    name: str
    role: str
    code: Code
    seconds: int
    tags: list[TagTypeDef]


def processing_request(
    settings: Settings, name: str, upload: Upload, code: Code, region: str
) -> CreateProcessingJobRequestTypeDef:
    """Return a CreateProcessingJob request. Raise JobRefusedError if it exceeds a bound of the service."""
    seconds = min(LEAST_SECONDS + upload.size // SLOWEST, LONGEST)
    tags = cost_tags(upload.analysis, upload.id, [upload.run])
    return code_request(settings, CodeJob(name, settings.processing_role, code, seconds, tags), region)


def code_request(settings: Settings, job: CodeJob, region: str) -> CreateProcessingJobRequestTypeDef:
    """Return a CreateProcessingJob request for our own code. Raise JobRefusedError if it exceeds a bound."""
    return check_processing(
        {
            "ProcessingJobName": job.name,
            "RoleArn": job.role,
            "AppSpecification": {
                "ImageUri": settings.processing_image,
                "ContainerEntrypoint": ["python3", "-c", CHECK, job.code.digest],
                "ContainerArguments": [f"{INPUT}/code/{name}" for name in (PROCESSING_ENTRY, PACKAGES)],
            },
            "Environment": {"AWS_DEFAULT_REGION": region, "PYTHONUNBUFFERED": "1"},
            "ProcessingInputs": [
                _channel("code", f"s3://{settings.models}/{job.code.prefix}"),
                _channel("request", f"s3://{settings.work}/{keys.job_request(job.name)}"),
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
            "NetworkConfig": {"VpcConfig": settings.network} if settings.network else {},
            "StoppingCondition": {"MaxRuntimeInSeconds": job.seconds},
            "Tags": job.tags,
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
