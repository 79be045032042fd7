"""The request for one batch transform job."""

from __future__ import annotations

from seqdrop.aws import keys
from seqdrop.config.analyses import Analysis
from seqdrop.config.kind_settings import PROTEIN, ProteinUse
from seqdrop.config.settings import Settings
from seqdrop.ledger.records import Attempt
from seqdrop.sagemaker.limits import check_transform
from seqdrop.work.items import shard_key


def manifest(settings: Settings, members: list[Attempt]) -> list:
    """The job's input objects, in SageMaker's ManifestFile form: a common prefix, then relative keys."""
    shards = [shard_key(member, number) for member in members for number in range(member.shards)]
    return [{"prefix": f"s3://{settings.work}/"}, *shards]


def transform_request(settings: Settings, analysis: Analysis, name: str, model: str, members: list[Attempt]) -> dict:
    """A CreateTransformJob request. Raises JobRefused if it breaks a bound of the service."""
    return check_transform(
        {
            "TransformJobName": name,
            "ModelName": model,
            "MaxConcurrentTransforms": 1,
            "MaxPayloadInMB": analysis.job.max_payload_mb,
            "BatchStrategy": "MultiRecord",
            "Environment": environment(analysis),
            "ModelClientConfig": {"InvocationsTimeoutInSeconds": 900, "InvocationsMaxRetries": 1},
            "TransformInput": {
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "ManifestFile",
                        "S3Uri": f"s3://{settings.work}/{keys.job_manifest(name)}",
                    }
                },
                "ContentType": "application/jsonlines",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{settings.work}/{keys.job_output(name)}",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line",
                "KmsKeyId": settings.key,
            },
            "TransformResources": {
                "InstanceType": settings.instance_type,
                "InstanceCount": min(settings.instance_count, sum(m.shards for m in members)),
            },
            "Tags": _tags(analysis, members),
        }
    )


def environment(analysis: Analysis) -> dict[str, str]:
    """What inference.py reads, that of model_code/dnabert or of model_code/protein."""
    use = analysis.use
    if analysis.alphabet == PROTEIN:
        return _of_proteins(use)
    return {
        "SEQDROP_WINDOW": str(use.window),
        "SEQDROP_STRIDE": str(use.stride),
        "SEQDROP_STRANDS": use.strands,
        "SEQDROP_MAX_N_FRACTION": str(use.max_n_fraction),
        "SEQDROP_TASK": use.task,
        "SEQDROP_SHORT": use.short,
        "SEQDROP_PRECISION": use.precision,
    }


def _of_proteins(use: ProteinUse) -> dict[str, str]:
    settings = {"SEQDROP_TASK": use.task, "SEQDROP_OVERLAP": str(use.overlap)}
    return settings | ({"SEQDROP_WINDOW": str(use.window)} if use.window else {})


def _tags(analysis: Analysis, members: list[Attempt]) -> list[dict]:
    tags = {
        "seqdrop:analysis": analysis.name,
        "seqdrop:upload": members[0].upload_id,
        "seqdrop:members": str(len(members)),
    }
    return [{"Key": key, "Value": value} for key, value in tags.items()]
