"""The operations on transform jobs, and the rules of CreateTransformJob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.job_records import TransformJob
from local.sagemaker.jobs import Common, Jobs
from local.sagemaker.models import find_model
from local.sagemaker.storage import Location

if TYPE_CHECKING:
    from local.sagemaker.access import Caller

PAYLOAD_LIMIT_MB = 100


class TransformJobs(Jobs):
    """The operations on transform jobs."""

    kind = TransformJob.kind

    def _check(self, request: dict) -> None:
        check(request)

    def _make_job(self, caller: Caller, request: dict, common: Common) -> TransformJob:
        return TransformJob(model=find_model(self._registry, caller, request["ModelName"]), request=request, **common)

    def _instance_type(self, request: dict) -> str:
        return request["TransformResources"]["InstanceType"]


def check(request: dict) -> None:
    """Check the rules that botocore's model lacks; raise ValidationError for the first one that is broken."""
    payload, parallel = request.get("MaxPayloadInMB", 6), request.get("MaxConcurrentTransforms", 1)
    if payload > PAYLOAD_LIMIT_MB:
        raise ValidationError(f"MaxPayloadInMB cannot be greater than {PAYLOAD_LIMIT_MB}")
    if payload * parallel > PAYLOAD_LIMIT_MB:
        raise ValidationError(
            f"The value of MaxConcurrentTransforms * MaxPayloadInMB cannot be greater than {PAYLOAD_LIMIT_MB} MB"
        )
    Location.parse(request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    Location.parse(request["TransformOutput"]["S3OutputPath"])
    _check_supported(request)


def _check_supported(request: dict) -> None:
    kind = request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        raise NotSupportedLocallyError(f"the S3DataType {kind}")
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        raise NotSupportedLocallyError(f"the SplitType {split}")
    processing = request.get("DataProcessing", {})
    if processing.get("JoinSource", "None") != "None" or {"InputFilter", "OutputFilter"} & processing.keys():
        raise NotSupportedLocallyError("DataProcessing (JoinSource, InputFilter, OutputFilter)")
    if request.get("DataCaptureConfig"):
        raise NotSupportedLocallyError("DataCaptureConfig")
