"""SageMaker in memory: models, and jobs of three kinds.

Transform jobs run when their time has come, and so do training jobs if a test sets `trainer`, and processing jobs if it
sets `examiner`. Other jobs end when a test calls `end`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.support.aws.endpoints import Endpoints
from tests.support.aws.errors import RefusedError
from tests.support.aws.model import CrashError, predict
from tests.support.aws.template import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.clock import Clock
    from tests.support.aws.s3 import S3

OPEN = ("InProgress", "Stopping")
USUAL = timedelta(minutes=10)
SLOW = timedelta(hours=6)
LOST = "InternalServerError: the instance was lost"
# The ways in which a job may end abnormally; `_run` defines the effect on its shards.
DIES, DIES_LATE, BREAKS, STOPPED, LONG = ENDINGS = ("dies", "dies late", "breaks", "is stopped", "takes long")
NEVER = "never ends"  # not among ENDINGS, because a job without an end needs a reconciler that stops it


TRANSFORM, TRAINING, PROCESSING = "Transform", "Training", "Processing"


@dataclass
class Job:
    """A job. `ends` is when it ends by itself (None: never); `extra` has fields that a test adds to descriptions."""

    kind: str
    request: dict
    created: datetime
    ends: datetime | None = None
    ending: str | None = None
    status: str = "InProgress"
    reason: str = ""
    shards: list[str] = field(default_factory=list)  # URIs of its input objects, read when it was created
    done: list[str] = field(default_factory=list)  # the shards that have an output
    extra: dict = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.request[f"{self.kind}JobName"]

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{self.kind.lower()}-job/{self.name}"

    def describe(self) -> dict:
        fields = {name: value for name, value in self.request.items() if name != "Tags"}
        fields |= {f"{self.kind}JobArn": self.arn, f"{self.kind}JobStatus": self.status, "CreationTime": self.created}
        if self.kind == TRANSFORM:
            fields["TransformInput"] = {"CompressionType": "None", **fields.get("TransformInput", {})}
            fields["TransformStartTime"] = self.created
        if self.kind == TRAINING:
            fields["SecondaryStatus"] = "Training" if self.status == "InProgress" else self.status
        if self.reason:
            fields["FailureReason"] = self.reason
        if self.status not in OPEN:
            fields[f"{self.kind}EndTime"] = self.ends or self.created
        return fields | self.extra


class SageMaker(Endpoints):
    """Models and jobs of the account.

    `job_limit` is the number of jobs that may run at once; `endings` says how the n-th job ends (from 0). `refusal` is
    the error code of every creation. `accidents` holds a pair for each of the next creations: the exception raised
    before the job exists, and the one raised after. `creations` counts requests to create a job, `most_at_once` is the
    highest number of transform jobs that ran at once. `trainer` writes what a training job leaves in the bucket `work`
    when it completes; `examiner` does the work of a processing job. `on_end` is called with each job that ends by
    itself.
    """

    def __init__(self, clock: Clock, s3: S3, on_end: Callable[[Job], None]):
        super().__init__(clock)
        self._s3, self._on_end = s3, on_end
        self.jobs: dict[str, Job] = {}
        self.models: dict[str, dict] = {}
        self.job_limit, self.most_at_once = 1000, 0
        self.endings: dict[int, str] = {}
        self.refusal: str | None = None
        self.accidents: list[tuple[BaseException | None, BaseException | None]] = []
        self.creations = 0
        self.trainer: Callable[[Job], None] | None = None
        self.examiner: Callable[[Job], None] | None = None

    @property
    def requests(self) -> dict[str, dict]:
        """The request of each job by its name."""
        return {name: job.request for name, job in self.jobs.items()}

    def put(self, kind: str, **request) -> Job:
        """Add a job that no function requested. The request is not checked."""
        job = Job(kind, request, self._clock.now)
        self.jobs[job.name] = job
        return job

    def end(self, name: str, status: str, **extra) -> None:
        """End a job with this status, and add these fields to its description."""
        job = self.jobs[name]
        job.status, job.extra = status, extra

    def stop(self, name: str) -> None:
        """Stop a job of any kind, as a person does. Raise RefusedError unless it is running."""
        job = self._job(name)
        if job.status != "InProgress":
            raise RefusedError(
                "ValidationException", f"The request was rejected because the job is in status {job.status}."
            )
        job.status, job.ends = "Stopping", self._clock.now

    # -- jobs that end by themselves --

    def next_at(self) -> float | None:
        return min((job.ends.timestamp() for job in self._running()), default=None)

    def run(self) -> None:
        """End the jobs whose time has come."""
        for job in self._running():
            if job.ends <= self._clock.now:
                self._run(job)
                self._on_end(job)

    def _running(self) -> list[Job]:
        """Return the running jobs that end by themselves."""
        return [job for job in self.jobs.values() if job.status in OPEN and job.ends]

    def _run(self, job: Job) -> None:
        if job.ending == STOPPED or job.status == "Stopping":
            job.status = "Stopped"
            return
        if job.ending in (DIES, BREAKS):
            job.status = "Failed"
            job.reason = LOST if job.ending == DIES else "AlgorithmError: the container died for an unknown reason"
            return
        if job.kind == TRAINING:
            self._train(job)
            return
        if job.kind == PROCESSING:
            self.examiner(job)
            job.status, job.reason = ("Failed", LOST) if job.ending == DIES_LATE else ("Completed", "")
            return
        shards = job.shards[:-1] if job.ending == DIES_LATE else job.shards
        try:
            if not job.shards:
                raise CrashError
            for uri in shards:
                self._predict_shard(job, uri)
        except CrashError:
            job.status, job.reason = "Failed", "AlgorithmError: the container died, or there was nothing to do"
            return
        job.status, job.reason = ("Failed", LOST) if job.ending == DIES_LATE else ("Completed", "")

    def _train(self, job: Job) -> None:
        """Complete a training job. With DIES_LATE it leaves no model, which the service does not notice."""
        job.status = "Completed"
        if job.ending != DIES_LATE:
            self.trainer(job)

    def _predict_shard(self, job: Job, uri: str) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        shard = self._s3.read(bucket, key)
        if shard is None:
            raise CrashError
        model, _ = model_data(self.models[job.request["ModelName"]])
        target = job.request["TransformOutput"]["S3OutputPath"].removeprefix("s3://")
        bucket, _, prefix = target.partition("/")
        self._s3.put(bucket, f"{prefix.rstrip('/')}/{key}.out", predict(shard, model))
        job.done.append(uri)

    # -- the API --

    def create_model(self, request: dict, headers: dict) -> dict:
        name, (url, etag) = request["ModelName"], model_data(request)
        if name in self.models:
            raise RefusedError("ValidationException", f"Cannot create already existing model {name}")
        bucket, _, key = url.removeprefix("s3://").partition("/")
        archive = self._s3.buckets[bucket].current(key)
        if archive is None:
            raise RefusedError("ValidationException", f"Could not find model data at {url}.")
        if etag not in ("", archive.etag):
            raise RefusedError("ValidationException", f"The ETag of the model data at {url} is not {etag}.")
        self.models[name] = request
        return {"ModelArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"}

    def describe_model(self, request: dict, headers: dict) -> dict:
        if request["ModelName"] not in self.models:
            raise RefusedError("ValidationException", f"Could not find model {request['ModelName']}.")
        return self.models[request["ModelName"]]

    def create_transform_job(self, request: dict, headers: dict) -> dict:
        if request["ModelName"] not in self.models:
            raise RefusedError("ValidationException", f"Could not find model {request['ModelName']}.")
        job = Job(TRANSFORM, request, self._clock.now, *self._next_ending())
        return self._create(job, self._shards(request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]))

    def create_training_job(self, request: dict, headers: dict) -> dict:
        return self._create(Job(TRAINING, request, self._clock.now, *(self._next_ending() if self.trainer else ())))

    def create_processing_job(self, request: dict, headers: dict) -> dict:
        return self._create(Job(PROCESSING, request, self._clock.now, *(self._next_ending() if self.examiner else ())))

    def _next_ending(self) -> tuple[datetime | None, str | None]:
        """Return when the next job ends by itself (None: never), and how."""
        ending = self.endings.get(len(self.jobs))
        if ending == NEVER:
            return None, ending
        return self._clock.now + (SLOW if ending == LONG else USUAL), ending

    def _create(self, job: Job, shards: list[str] = ()) -> dict:
        self.creations += 1
        before, after = self.accidents.pop(0) if self.accidents else (None, None)
        if before:
            raise before
        if self.refusal:
            raise RefusedError(self.refusal, "no")
        if job.name in self.jobs:
            raise RefusedError(
                "ResourceInUse", f"Job name must be unique within an account and region, {job.name} exists"
            )
        running = sum(other.status in OPEN for other in self.jobs.values())
        if running >= self.job_limit:
            raise RefusedError(
                "ResourceLimitExceeded", f"The account-level service limit is {self.job_limit} Instances"
            )
        job.shards, self.jobs[job.name] = list(shards), job
        transforming = sum(other.kind == TRANSFORM and other.status in OPEN for other in self.jobs.values())
        self.most_at_once = max(self.most_at_once, transforming)
        if after:
            raise after
        return {f"{job.kind}JobArn": job.arn}

    def describe_transform_job(self, request: dict, headers: dict) -> dict:
        return self._job(request["TransformJobName"]).describe()

    def describe_training_job(self, request: dict, headers: dict) -> dict:
        return self._job(request["TrainingJobName"]).describe()

    def describe_processing_job(self, request: dict, headers: dict) -> dict:
        return self._job(request["ProcessingJobName"]).describe()

    def stop_transform_job(self, request: dict, headers: dict) -> dict:
        self.stop(request["TransformJobName"])
        return {}

    def list_transform_jobs(self, request: dict, headers: dict) -> dict:
        status, text = request.get("StatusEquals"), request.get("NameContains", "")
        matching = [job for job in self.jobs.values() if status in (None, job.status) and text in job.name]
        start, most = int(request.get("NextToken", 0)), request.get("MaxResults", 10)
        page = {"TransformJobSummaries": [_summary(job) for job in matching[start : start + most]]}
        return page | ({"NextToken": str(start + most)} if len(matching) > start + most else {})

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise RefusedError("ValidationException", f"Could not find requested job with name: {name}")
        return self.jobs[name]

    def _shards(self, manifest: str) -> list[str]:
        body = self._s3.read(*manifest.removeprefix("s3://").split("/", 1))
        if body is None:
            return []
        head, *keys = json.loads(body)
        return [head["prefix"] + key for key in keys]


def _summary(job: Job) -> dict:
    fields = job.describe()
    return {
        name: fields[name] for name in ("TransformJobName", "TransformJobArn", "CreationTime", "TransformJobStatus")
    }


def model_data(request: dict) -> tuple[str, str]:
    """Return the URL of the model.tar.gz in a CreateModel request, and the ETag that it must have; "" for any."""
    container = request["PrimaryContainer"]
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    return container.get("ModelDataUrl") or source["S3Uri"], source.get("ETag", "")
