"""Jobs as their API shows them, whatever their kind: created, described, listed, stopped."""

import time

from local.sagemaker.access import Caller
from local.sagemaker.errors import ResourceInUseError, ResourceLimitExceededError, ValidationError
from local.sagemaker.listing import FAR_FUTURE, created_between, page, select
from local.sagemaker.registry import ACTIVE, Job, Registry
from local.sagemaker.roles import Roles
from local.sagemaker.tags import as_dict

SUMMARY = ("JobName", "JobArn", "EndTime", "JobStatus")  # after the kind
SUMMARY_OF_ALL = ("CreationTime", "LastModifiedTime", "FailureReason", "ExitMessage")


class Jobs:
    """The operations on one kind of job; `runner` runs them, and `moved` is told of each move of a job."""

    kind = ""

    def __init__(self, registry: Registry, roles: Roles, runner, moved, most_active: int | None = None):
        self._registry, self._roles = registry, roles
        self._runner, self._moved = runner, moved
        self._most_active = most_active

    def create(self, caller: Caller, request: dict) -> dict:
        """The job is InProgress from here on, also while it waits for its turn."""
        self._check(request)
        name = request[f"{self.kind}JobName"]
        arn = caller.arn(f"{self.kind.lower()}-job", name)
        with self._registry.lock:
            self._refuse(caller, request, name)
            common = {"arn": arn, "account": caller.account, "region": caller.region}
            job = self._make(caller, request, tags=as_dict(request.get("Tags")), **common)
            self._registry.add_job(caller, job)
        self._moved(job)
        self._runner.submit(job)
        return {f"{self.kind}JobArn": job.arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """All there is to tell of a job."""
        return self._find(caller, request).described()

    def stop(self, caller: Caller, request: dict) -> None:
        """Stopping at once, Stopped when the container is gone."""
        job = self._find(caller, request)
        with self._registry.lock:
            if job.status != "InProgress":
                kind = self.kind.lower()
                raise ValidationError(f"The request was rejected because the {kind} job is in status {job.status}.")
            job.status, job.modified = "Stopping", time.time()
        self._moved(job)
        job.stopping.set()
        self._runner.wake(job)

    def list(self, caller: Caller, request: dict) -> dict:
        """Summaries of the jobs that fit."""
        jobs = [job for job in self._registry.jobs(caller, self.kind) if _fits(job, request)]
        summaries = select([self._summary(job) for job in jobs], request, f"{self.kind}JobName")
        return page(f"{self.kind}JobSummaries", summaries, request)

    def _check(self, request: dict) -> None:
        """The rules that botocore's model does not carry; ValidationError for the first one broken."""
        raise NotImplementedError

    def _make(self, caller: Caller, request: dict, **common) -> Job:
        raise NotImplementedError

    def _instance_type(self, request: dict) -> str:
        raise NotImplementedError

    def _find(self, caller: Caller, request: dict) -> Job:
        name = request[f"{self.kind}JobName"]
        job = self._registry.job(caller, self.kind, name)
        if job is None:
            raise ValidationError(f"Could not find requested job with name: {name}")
        return job

    def _refuse(self, caller: Caller, request: dict, name: str) -> None:
        if taken := self._registry.job(caller, self.kind, name):
            raise ResourceInUseError(
                "Job name must be unique within an AWS account and region, and a job with "
                f"this name already exists ({taken.arn})"
            )
        active = sum(job.status in ACTIVE for job in self._registry.jobs(caller, self.kind))
        if self._most_active is not None and active >= self._most_active:
            what = f"{self._instance_type(request)} for {self.kind.lower()} job usage"
            raise ResourceLimitExceededError(
                f"The account-level service limit '{what}' is {self._most_active} "
                f"Instances, with current utilization of {active} Instances and a request delta of 1 "
                "Instances. Please use AWS Service Quotas to request an increase for this quota."
            )

    def _summary(self, job: Job) -> dict:
        names = {f"{self.kind}{name}" for name in SUMMARY} | set(SUMMARY_OF_ALL)
        shown = job.described() | {"LastModifiedTime": job.modified}
        return {key: value for key, value in shown.items() if key in names}


def _fits(job: Job, request: dict) -> bool:
    return (
        created_between(job, request)
        and request.get("StatusEquals", job.status) == job.status
        and request.get("LastModifiedTimeAfter", 0) <= job.modified <= request.get("LastModifiedTimeBefore", FAR_FUTURE)
    )
