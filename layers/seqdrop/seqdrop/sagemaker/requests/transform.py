"""The request for one batch transform job."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqdrop.aws import keys
from seqdrop.sagemaker.limits import check_transform
from seqdrop.sagemaker.tags import cost_tags
from seqdrop.work.items import shard_key

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import TransformInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import CreateTransformJobRequestTypeDef

    from seqdrop.config.analyses import Analysis
    from seqdrop.config.settings import Settings
    from seqdrop.ledger.records import Attempt


def manifest(settings: Settings, members: list[Attempt]) -> list[dict[str, str] | str]:
    """Return the list of the job's input objects in SageMaker's ManifestFile format: a prefix, then relative keys."""
    shards = [shard_key(member, number) for member in members for number in range(member.shards)]
    return [{"prefix": f"s3://{settings.work}/"}, *shards]


def transform_request(
    settings: Settings, analysis: Analysis, name: str, model: str, members: list[Attempt]
) -> CreateTransformJobRequestTypeDef:
    """Return a CreateTransformJob request. Raise JobRefusedError if it exceeds a bound of the service."""
    return check_transform(
        {
            "TransformJobName": name,
            "ModelName": model,
            "MaxConcurrentTransforms": 1,
            "MaxPayloadInMB": analysis.job.max_payload_mb,
            "BatchStrategy": "MultiRecord",
            "Environment": analysis.kind.environment(analysis),
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
                # Any name: SageMaker refuses one that it does not know.
                "InstanceType": cast("TransformInstanceTypeType", settings.instance_type),
                "InstanceCount": min(settings.instance_count, sum(member.shards for member in members)),
            },
            "Tags": cost_tags(
                analysis.name,
                members[0].upload_id,
                [member.run for member in members],
                members=str(len(members)),
            ),
        }
    )
