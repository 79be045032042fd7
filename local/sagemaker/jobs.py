"""The operations that every kind of job has: create, describe, list and stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, TypedDict

from local.sagemaker.errors import ResourceInUseError, ResourceLimitExceededError, ValidationError
from local.sagemaker.job_records import ACTIVE
from local.sagemaker.listing import FAR_FUTURE, is_created_between, make_page, select
from local.sagemaker.tags import as_dict

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.access import Caller
    from local.sagemaker.registry import Job, Registry
    from local.sagemaker.roles import Roles
    from local.sagemaker.runner import Runner

SUMMARY = ("JobName", "JobArn", "EndTime", "JobStatus")  # each preceded by the kind
SUMMARY_OF_ALL = ("CreationTime", "LastModifiedTime", "FailureReason", "ExitMessage")


class Common(TypedDict):
    """Fields that a new job of any kind has besides its request."""

    arn: str
    account: str
    region: str
    tags: dict[str, str]
    notify: Callable[[Job], None]


class Jobs:
    """The operations on one kind of job.

    `runner` runs the jobs, `announce` is called after each state change of a job. More than `quota` active jobs are
    refused; None means no quota.
    """

    kind: ClassVar[str] = ""

    def __init__(
        self,
        registry: Registry,
        roles: Roles,
        runner: Runner,
        announce: Callable[[Job], None],
        quota: int | None = None,
    ) -> None:
        self._registry, self._roles = registry, roles
        self._runner, self._announce = runner, announce
        self._quota = quota

    def create(self, caller: Caller, request: dict) -> dict:
        """Create a job and submit it; its status is InProgress, also while it waits for its turn."""
        self._check(request)
        name = request[f"{self.kind}JobName"]
        arn = caller.make_arn(f"{self.kind.lower()}-job", name)
        with self._registry.lock:
            self._check_name_and_quota(caller, request, name)
            common: Common = {
                "arn": arn,
                "account": caller.account,
                "region": caller.region,
                "tags": as_dict(request.get("Tags")),
                "notify": self._announce,
            }
            job = self._make_job(caller, request, common)
            self._registry.add(job)
        self._announce(job)
        self._runner.submit(job)
        return {f"{self.kind}JobArn": job.arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """Describe a job."""
        return self._find(caller, request).describe()

    def stop(self, caller: Caller, request: dict) -> None:
        """Stop a job: its status is Stopping immediately, and Stopped when its container has ended."""
        job = self._find(caller, request)
        with self._registry.lock:
            if job.status != "InProgress":
                kind = self.kind.lower()
                raise ValidationError(f"The request was rejected because the {kind} job is in status {job.status}.")
            job.status, job.modified = "Stopping", time.time()
        self._announce(job)
        job.stopping.set()
        self._runner.wake(job)

    def list(self, caller: Caller, request: dict) -> dict:
        """List the summaries of the jobs that match the request."""
        jobs = [job for job in self._registry.list_jobs(caller, self.kind) if _matches(job, request)]
        summaries = select([self._summary(job) for job in jobs], request, f"{self.kind}JobName")
        return make_page(f"{self.kind}JobSummaries", summaries, request)

    def _check(self, request: dict) -> None:
        """Check the rules that botocore's model lacks; raise ValidationError for the first one that is broken."""
        raise NotImplementedError

    def _make_job(self, caller: Caller, request: dict, common: Common) -> Job:
        raise NotImplementedError

    def _instance_type(self, request: dict) -> str:
        raise NotImplementedError

    def _find(self, caller: Caller, request: dict) -> Job:
        name = request[f"{self.kind}JobName"]
        job = self._registry.find_job(caller, self.kind, name)
        if job is None:
            raise ValidationError(f"Could not find requested job with name: {name}")
        return job

    def _check_name_and_quota(self, caller: Caller, request: dict, name: str) -> None:
        if other := self._registry.find_job(caller, self.kind, name):
            raise ResourceInUseError(
                "Job name must be unique within an AWS account and region, and a job with "
                f"this name already exists ({other.arn})"
            )
        active = sum(job.status in ACTIVE for job in self._registry.list_jobs(caller, self.kind))
        if self._quota is not None and active >= self._quota:
            usage = f"{self._instance_type(request)} for {self.kind.lower()} job usage"
            raise ResourceLimitExceededError(
                f"The account-level service limit '{usage}' is {self._quota} "
                f"Instances, with current utilization of {active} Instances and a request delta of 1 "
                "Instances. Please use AWS Service Quotas to request an increase for this quota."
            )

    def _summary(self, job: Job) -> dict:
        names = {f"{self.kind}{name}" for name in SUMMARY} | set(SUMMARY_OF_ALL)
        description = job.describe() | {"LastModifiedTime": job.modified}
        return {key: value for key, value in description.items() if key in names}


def _matches(job: Job, request: dict) -> bool:
    return (
        is_created_between(job, request)
        and request.get("StatusEquals", job.status) == job.status
        and request.get("LastModifiedTimeAfter", 0) <= job.modified <= request.get("LastModifiedTimeBefore", FAR_FUTURE)
    )
