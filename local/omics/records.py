"""The workflows, run groups and runs of an account. They live as long as the server's process."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import threading
import uuid
from dataclasses import dataclass, field

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED", "DELETED"})
_numbers = itertools.count(1_000_001)


def now() -> datetime.datetime:
    """Return the time in UTC."""
    return datetime.datetime.now(datetime.UTC)


def make_id() -> str:
    """Return a new id: 7 digits, as those of the service."""
    return str(next(_numbers))


@dataclass
class Workflow:
    """A workflow as it was created; `definition` is the zip."""

    request: dict
    account: str
    region: str
    definition: bytes
    tags: dict[str, str]
    id: str = field(default_factory=make_id)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime.datetime = field(default_factory=now)
    status: str = "ACTIVE"

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"arn:aws:omics:{self.region}:{self.account}:workflow/{self.id}"

    @property
    def digest(self) -> str:
        """The digest of the definition."""
        return f"sha256:{hashlib.sha256(self.definition).hexdigest()}"[:64]

    def describe(self) -> dict:
        """Return the workflow in the form of GetWorkflow."""
        names = ("name", "description", "engine", "main", "parameterTemplate", "storageCapacity", "storageType")
        return {
            "arn": self.arn,
            "id": self.id,
            "uuid": self.uuid,
            "status": self.status,
            "type": "PRIVATE",
            "digest": self.digest,
            "creationTime": self.created,
            "tags": self.tags,
            **{name: self.request.get(name) for name in names},
        }


@dataclass
class RunGroup:
    """A run group as it was created."""

    request: dict
    account: str
    region: str
    tags: dict[str, str]
    id: str = field(default_factory=make_id)
    created: datetime.datetime = field(default_factory=now)

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"arn:aws:omics:{self.region}:{self.account}:runGroup/{self.id}"

    def describe(self) -> dict:
        """Return the group in the form of GetRunGroup."""
        names = ("name", "maxCpus", "maxRuns", "maxDuration", "maxGpus")
        limits = {name: self.request.get(name) for name in names}
        return {"arn": self.arn, "id": self.id, "creationTime": self.created, "tags": self.tags, **limits}


@dataclass
class Run:
    """A run: its request, its workflow (None for one of AWS's own), and its state. `lock` guards the state."""

    request: dict
    account: str
    region: str
    workflow: Workflow | None
    started_by: str
    id: str = field(default_factory=make_id)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "PENDING"
    message: str | None = None
    cause: str | None = None
    digests: dict[str, str] = field(default_factory=dict)
    created: datetime.datetime = field(default_factory=now)
    started: datetime.datetime | None = None
    stopped: datetime.datetime | None = None
    task: dict | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        """The ARN."""
        return f"arn:aws:omics:{self.region}:{self.account}:run/{self.id}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags, which TagResource changes."""
        tags: dict[str, str] = self.request.setdefault("tags", {})
        return tags

    @property
    def output_uri(self) -> str:
        """The folder of its outputs."""
        return f"{self.request['outputUri'].rstrip('/')}/{self.id}"

    @property
    def has_ended(self) -> bool:
        """Whether its status is final."""
        return self.status in ENDED

    def move(self, status: str, cause: str | None = None, message: str | None = None) -> bool:
        """Set the status; return False if the run has ended, or is being cancelled and this is not the end of that."""
        with self.lock:
            if self.has_ended or (self.cancelled.is_set() and status not in ("STOPPING", "CANCELLED")):
                return False
            self.status, self.cause, self.message = status, cause, message
            if status == "RUNNING":
                self.started = now()
            if status in ENDED:
                self.stopped = now()
            return True

    def list_entry(self) -> dict:
        """Return the run in the form of ListRuns."""
        names = ("arn", "id", "status", "workflowId", "name", "priority", "storageCapacity", "creationTime")
        names += ("startTime", "stopTime", "storageType", "workflowVersionName")
        described = self.describe()
        return {name: described.get(name) for name in names}

    def describe(self) -> dict:
        """Return the run in the form of GetRun."""
        names = (
            "workflowId",
            "roleArn",
            "name",
            "runGroupId",
            "priority",
            "parameters",
            "storageCapacity",
            "outputUri",
        )
        names += ("logLevel", "storageType", "workflowVersionName", "workflowOwnerId", "retentionMode")
        return {
            **{name: self.request.get(name) for name in names},
            "arn": self.arn,
            "id": self.id,
            "uuid": self.uuid,
            "status": self.status,
            "statusMessage": self.message,
            "failureReason": self.cause,
            "workflowType": self.request.get("workflowType", "PRIVATE"),
            "digest": self.workflow.digest if self.workflow else None,
            "resourceDigests": self.digests,
            "runOutputUri": self.output_uri,
            "startedBy": self.started_by,
            "creationTime": self.created,
            "startTime": self.started,
            "stopTime": self.stopped,
            "tags": self.tags,
            "logLocation": {"runLogStream": f"{self._logs}:log-stream:run/{self.id}"},
        }

    @property
    def _logs(self) -> str:
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:/aws/omics/WorkflowLog"
