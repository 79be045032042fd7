"""Transform jobs as their API shows them: created, described, listed, stopped."""

import time

from local.sagemaker.access import Caller
from local.sagemaker.errors import (
    NotSupportedLocally,
    ResourceInUse,
    ResourceLimitExceeded,
    ValidationError,
)
from local.sagemaker.listing import FAR_FUTURE, created_between, page, select
from local.sagemaker.models import find
from local.sagemaker.registry import ACTIVE, Registry, TransformJob
from local.sagemaker.storage import Location
from local.sagemaker.tags import as_dict

PAYLOAD_LIMIT_MB = 100
SUMMARY = (
    "TransformJobName",
    "TransformJobArn",
    "CreationTime",
    "TransformEndTime",
    "LastModifiedTime",
    "TransformJobStatus",
    "FailureReason",
)
NOT_ECHOED = frozenset({"Tags"})


class TransformJobs:
    """The operations on transform jobs; `runner` runs them and `announce` tells EventBridge of each move."""

    def __init__(self, registry: Registry, runner, announce, most_active: int | None = None):
        self._registry = registry
        self._runner = runner
        self._announce = announce
        self._most_active = most_active

    def create(self, caller: Caller, request: dict) -> dict:
        """CreateTransformJob: the job is InProgress from here on, also while it waits for its turn."""
        check(request)
        with self._registry.lock:
            self._refuse(caller, request)
            model = find(self._registry, caller, request["ModelName"])
            job = TransformJob(
                caller.arn("transform-job", request["TransformJobName"]),
                request,
                model,
                caller.account,
                caller.region,
                as_dict(request.get("Tags")),
            )
            self._registry.add_job(caller, job)
        self._announce(job)
        self._runner.submit(job)
        return {"TransformJobArn": job.arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """DescribeTransformJob."""
        return description(self._find(caller, request))

    def stop(self, caller: Caller, request: dict) -> None:
        """StopTransformJob: Stopping at once, Stopped when the container is gone."""
        job = self._find(caller, request)
        with self._registry.lock:
            if job.status != "InProgress":
                raise ValidationError(f"The request was rejected because the transform job is in status {job.status}.")
            job.status, job.modified = "Stopping", time.time()
        self._announce(job)
        job.stopping.set()
        self._runner.wake(job)

    def list(self, caller: Caller, request: dict) -> dict:
        """ListTransformJobs."""
        jobs = [job for job in self._registry.jobs(caller) if _fits(job, request)]
        summaries = select([_summary(job) for job in jobs], request, "TransformJobName")
        return page("TransformJobSummaries", summaries, request)

    def _find(self, caller: Caller, request: dict) -> TransformJob:
        job = self._registry.job(caller, request["TransformJobName"])
        if job is None:
            raise ValidationError(f"Could not find requested job with name: {request['TransformJobName']}")
        return job

    def _refuse(self, caller: Caller, request: dict) -> None:
        if taken := self._registry.job(caller, request["TransformJobName"]):
            raise ResourceInUse(
                "Job name must be unique within an AWS account and region, and a job with "
                f"this name already exists ({taken.arn})"
            )
        active = sum(job.status in ACTIVE for job in self._registry.jobs(caller))
        if self._most_active is not None and active >= self._most_active:
            kind = request["TransformResources"]["InstanceType"]
            raise ResourceLimitExceeded(
                f"The account-level service limit '{kind} for transform job usage' is {self._most_active} "
                f"Instances, with current utilization of {active} Instances and a request delta of 1 "
                "Instances. Please use AWS Service Quotas to request an increase for this quota."
            )


def description(job: TransformJob) -> dict:
    """A job as DescribeTransformJob answers it; times are seconds since 1970, absent ones are left out."""
    kept = {key: value for key, value in job.request.items() if key not in NOT_ECHOED}
    defaults = {"CompressionType": "None", "SplitType": "None"}
    kept["TransformInput"] = defaults | kept["TransformInput"]
    kept["TransformOutput"] = {"AssembleWith": "None"} | kept["TransformOutput"]
    state = {
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status,
        "FailureReason": job.failure,
        "CreationTime": job.created,
        "TransformStartTime": job.started,
        "TransformEndTime": job.ended,
    }
    return kept | {key: value for key, value in state.items() if value is not None}


def _summary(job: TransformJob) -> dict:
    shown = description(job) | {"LastModifiedTime": job.modified}
    return {key: value for key, value in shown.items() if key in SUMMARY}


def check(request: dict) -> None:
    """The rules for a job that botocore's model does not carry; ValidationError for the first one broken."""
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
        raise NotSupportedLocally(f"the S3DataType {kind}")
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        raise NotSupportedLocally(f"the SplitType {split}")
    processing = request.get("DataProcessing", {})
    if processing.get("JoinSource", "None") != "None" or {"InputFilter", "OutputFilter"} & processing.keys():
        raise NotSupportedLocally("DataProcessing (JoinSource, InputFilter, OutputFilter)")
    if request.get("DataCaptureConfig"):
        raise NotSupportedLocally("DataCaptureConfig")


def _fits(job: TransformJob, request: dict) -> bool:
    return (
        created_between(job, request)
        and request.get("StatusEquals", job.status) == job.status
        and request.get("LastModifiedTimeAfter", 0) <= job.modified <= request.get("LastModifiedTimeBefore", FAR_FUTURE)
    )
