"""Jobs and their states: New, Preparing, Suspended or Ready, Active, Completing, and one of the three ends."""

from __future__ import annotations

import datetime
import threading
import uuid
from dataclasses import dataclass, field

from local.batch.errors import IdempotencyError, JobFailureError, JobStatusError, NoSuchJobError

ENDED = frozenset({"Complete", "Cancelled", "Failed"})
AWAITING = "AwaitingConfirmation"


@dataclass
class Job:
    """A job: its request, its state and its counts. `lock` guards every change of the state."""

    request: dict
    region: str
    account: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "New"
    reason: str | None = None
    failure: JobFailureError | None = None
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    created: datetime.datetime = field(default_factory=lambda: _now())
    started: datetime.datetime | None = None
    suspended: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    confirmed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        """The ARN on which DescribeJob and the updates need a permission."""
        return f"arn:aws:s3:{self.region}:{self.account}:job/{self.id}"

    @property
    def operation(self) -> str:
        """The name of the one operation that the request contains."""
        return next(iter(self.request["Operation"]))

    def move(self, status: str) -> None:
        """Set the state, unless the job has ended or is being cancelled and `status` is not that end."""
        with self.lock:
            if self.status in ENDED or (self.status == "Cancelling" and status not in ENDED):
                return
            self.status = "Cancelled" if self.status == "Cancelling" else status
            moment = _now()
            if status == "Active":
                self.started = moment
            if status == "Suspended":
                self.suspended = moment
            if self.status in ENDED:
                self.ended = moment

    def fail(self, failure: JobFailureError) -> None:
        """End the job as failed, for this reason."""
        self.failure = failure
        self.move("Failed")

    def update(self, status: str, reason: str | None) -> None:
        """Confirm a suspended job, or cancel one that has not ended; raise JobStatusError for another state."""
        with self.lock:
            allowed = self.status == "Suspended" if status == "Ready" else self.status not in ENDED
            if not allowed:
                raise JobStatusError(f"The job is {self.status}; its status cannot be set to {status}")
            self.status = "Cancelling" if status == "Cancelled" else status
            self.reason = reason
        self.confirmed.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to cancel the job."""
        return self.status in ("Cancelling", "Cancelled")

    def summarise(self) -> dict:
        """Return the progress as the service shows it."""
        seconds = int(((self.ended or _now()) - self.started).total_seconds()) if self.started else 0
        return {
            "TotalNumberOfTasks": self.total,
            "NumberOfTasksSucceeded": self.succeeded,
            "NumberOfTasksFailed": self.failed,
            "Timers": {"ElapsedTimeInActiveSeconds": seconds},
        }

    def describe(self) -> dict:
        """Return the job as DescribeJob does."""
        failures = [{"FailureCode": self.failure.code, "FailureReason": self.failure.reason}] if self.failure else []
        kept = ("Description", "Manifest", "Operation", "Priority", "Report", "RoleArn")
        return {
            "JobId": self.id,
            "JobArn": self.arn,
            "Status": self.status,
            "ConfirmationRequired": self.request.get("ConfirmationRequired", False),
            "StatusUpdateReason": self.reason,
            "FailureReasons": failures,
            "ProgressSummary": self.summarise(),
            "CreationTime": self.created,
            "TerminationDate": self.ended,
            "SuspendedDate": self.suspended,
            "SuspendedCause": AWAITING if self.suspended else None,
        } | {name: self.request.get(name) for name in kept}

    def list_entry(self) -> dict:
        """Return the job as ListJobs does."""
        shown = ("JobId", "Description", "Priority", "Status", "CreationTime", "TerminationDate", "ProgressSummary")
        return {name: value for name, value in self.describe().items() if name in shown} | {"Operation": self.operation}


class Jobs:
    """The jobs of all accounts, in memory; used from the gateway's event loop only."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def create(self, request: dict, account: str, region: str) -> tuple[Job, bool]:
        """Return the job of a request, and whether it is new: a repeated token returns the first job.

        Raise IdempotencyError if the token came with another request.
        """
        token = request["ClientRequestToken"]
        for job in self.list(account, region, ()):
            if job.request["ClientRequestToken"] == token:
                if job.request != request:
                    raise IdempotencyError(f"ClientRequestToken {token} was used with other parameters")
                return job, False
        job = Job(request, region, account)
        self._jobs[job.id] = job
        return job, True

    def find(self, job_id: str, account: str, region: str) -> Job:
        """Return a job; raise NoSuchJobError if this account has none with the id in this region."""
        job = self._jobs.get(job_id)
        if job is None or (job.account, job.region) != (account, region):
            raise NoSuchJobError("No such job")
        return job

    def list(self, account: str, region: str, statuses: tuple[str, ...]) -> list[Job]:
        """Return the jobs in these states (all of them, if none is given), the newest first."""
        own = [job for job in self._jobs.values() if (job.account, job.region) == (account, region)]
        return [job for job in reversed(own) if not statuses or job.status in statuses]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
