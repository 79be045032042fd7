"""What the service remembers, also when it was killed: models and jobs by account, region and name."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import ClassVar

from local.sagemaker.access import Caller
from local.sagemaker.store import Store

ACTIVE = frozenset({"InProgress", "Stopping"})
PASSING = {"kept": False}  # of a field that only this process has a use for


@dataclass
class Model:
    """A model as it was created; its container's environment and data go into each job."""

    kind: ClassVar[str] = "Model"

    arn: str
    request: dict
    account: str
    region: str
    tags: dict[str, str]
    created: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """The name it was given, in its own case."""
        return self.request["ModelName"]

    @property
    def container(self) -> dict:
        """The one container of the model."""
        return self.request.get("PrimaryContainer") or self.request["Containers"][0]

    @property
    def role(self) -> str:
        """The ARN of the role that its jobs act as."""
        return self.request["ExecutionRoleArn"]

    @property
    def data_url(self) -> str:
        """Where model.tar.gz lies."""
        source = self.container.get("ModelDataSource", {}).get("S3DataSource", {})
        return self.container.get("ModelDataUrl") or source.get("S3Uri", "")


@dataclass(kw_only=True)
class Job:
    """What jobs of every kind have. SageMaker puts the kind into most names of its API: TransformJobName, …"""

    kind: ClassVar[str]

    arn: str
    request: dict
    account: str
    region: str
    tags: dict[str, str]
    status: str = "InProgress"
    failure: str | None = None
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    modified: float = field(default_factory=time.time)
    stopping: threading.Event = field(default_factory=threading.Event, metadata=PASSING)

    @property
    def name(self) -> str:
        """The name it was given, in its own case."""
        return self.request[f"{self.kind}JobName"]

    @property
    def role(self) -> str:
        """The ARN of the role that it acts as."""
        raise NotImplementedError

    def begin_again(self, moved: Callable[["Job"], None]) -> None:
        """Ready a job that was in progress when the service was killed to be run from its inputs."""
        if self.status == "Stopping":
            self.stopping.set()

    def described(self) -> dict:
        """As the Describe operation answers; times are seconds since 1970, absent ones are left out."""
        return self._echoed() | {key: value for key, value in self._state().items() if value is not None}

    def _echoed(self) -> dict:
        return {key: value for key, value in self.request.items() if key != "Tags"}

    def _state(self) -> dict:
        return {
            f"{self.kind}JobArn": self.arn,
            f"{self.kind}JobStatus": self.status,
            "FailureReason": self.failure,
            "CreationTime": self.created,
            f"{self.kind}StartTime": self.started,
            f"{self.kind}EndTime": self.ended,
        }


@dataclass(kw_only=True)
class TransformJob(Job):
    """A job, with the model as it was when the job was created; deleting the model leaves the job alone."""

    kind = "Transform"

    model: Model

    @property
    def role(self) -> str:
        return self.model.role

    def _echoed(self) -> dict:
        kept = super()._echoed()
        kept["TransformInput"] = {"CompressionType": "None", "SplitType": "None"} | kept["TransformInput"]
        kept["TransformOutput"] = {"AssembleWith": "None"} | kept["TransformOutput"]
        return kept


@dataclass(kw_only=True)
class ProcessingJob(Job):
    """A job that runs a program; `exit_message` is what the program left in /opt/ml/output/message."""

    kind = "Processing"

    exit_message: str | None = None

    @property
    def role(self) -> str:
        return self.request["RoleArn"]

    def _state(self) -> dict:
        return super()._state() | {"ExitMessage": self.exit_message, "LastModifiedTime": self.modified}


@dataclass(kw_only=True)
class TrainingJob(Job):
    """A job that trains; `steps` are the secondary statuses it has been in, each with the time it began."""

    kind = "Training"

    steps: list[tuple[str, float]] = field(default_factory=list)
    metrics: list[dict] = field(default_factory=list)
    overtime: bool = False
    told: Callable[["TrainingJob"], None] = field(default=lambda job: None, metadata=PASSING)

    def __post_init__(self) -> None:
        if not self.steps:
            self.steps.append(("Starting", self.created))

    def begin_again(self, moved: Callable[["TrainingJob"], None]) -> None:
        super().begin_again(moved)
        self.told, self.steps, self.metrics = moved, self.steps[:1], []

    @property
    def role(self) -> str:
        return self.request["RoleArn"]

    @property
    def artifacts(self) -> str:
        """Where model.tar.gz is, or would be."""
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output/model.tar.gz"

    def enter(self, status: str) -> None:
        """Note a secondary status of a job in progress, and tell EventBridge, which hears of each."""
        if self.status == "InProgress":
            self.steps.append((status, time.time()))
            self.modified = time.time()
            self.told(self)

    @property
    def secondary(self) -> str:
        """The secondary status: the step while it is in progress, else the end, and of a stop its cause."""
        if self.status == "Stopped" and self.overtime:
            return "MaxRuntimeExceeded"
        return self.steps[-1][0] if self.status == "InProgress" else self.status

    def _state(self) -> dict:
        seconds = max(1, round(self.ended - self.started)) if self.ended and self.started else None
        return super()._state() | {
            "SecondaryStatus": self.secondary,
            "SecondaryStatusTransitions": self._transitions(),
            "ModelArtifacts": {"S3ModelArtifacts": self.artifacts} if self.ended else None,
            "FinalMetricDataList": self.metrics or None,
            "LastModifiedTime": self.modified,
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": seconds,
        }

    def _echoed(self) -> dict:
        usual = {
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
        }
        return usual | super()._echoed()

    def _transitions(self) -> list[dict]:
        steps = [*self.steps, *([(self.secondary, self.ended)] if self.ended else [])]
        ends = [start for _, start in steps[1:]] + [self.ended]
        found = [{"Status": name, "StartTime": start} for name, start in steps]
        return [one | ({"EndTime": end} if end else {}) for one, end in zip(found, ends, strict=True)]


JOBS = {one.kind: one for one in (TransformJob, ProcessingJob, TrainingJob)}


class Registry:
    """Every model and job; safe to use from the request threads and the job threads at once.

    What is added or saved is in the store before it is answered, and a new registry of that store knows it again.
    """

    def __init__(self, store: Store):
        self.lock = threading.RLock()
        self._store = store
        self._models: dict[tuple[str, str, str], Model] = {}
        self._jobs: dict[tuple[str, str, str], Job] = {}
        for record in store.all():
            self._add(_restored(record))

    def model(self, caller: Caller, name: str) -> Model | None:
        """The model of this name, if there is one."""
        return self._models.get(_key(caller, name))

    def add_model(self, caller: Caller, model: Model) -> None:
        """Remember a model; the caller holds the lock since it looked for the name."""
        self._add(model)
        self.save(model)

    def remove_model(self, caller: Caller, name: str) -> Model | None:
        """Forget a model; answers it if there was one."""
        with self.lock:
            model = self._models.pop(_key(caller, name), None)
            if model is not None:
                self._store.remove(_place(model))
            return model

    def models(self, caller: Caller) -> list[Model]:
        """All models of the caller's account and region."""
        with self.lock:
            return _in_scope(caller, self._models)

    def job(self, caller: Caller, kind: str, name: str) -> Job | None:
        """The job of this kind and name, if there is one."""
        return self._jobs.get(_key(caller, f"{kind}/{name}"))

    def add_job(self, caller: Caller, job: Job) -> None:
        """Remember a job; the caller holds the lock since it looked for the name."""
        self._add(job)
        self.save(job)

    def save(self, resource: Model | Job) -> None:
        """Put down how a model or a job is now."""
        with self.lock:
            self._store.put(_place(resource), _record(resource))

    def jobs(self, caller: Caller, kind: str) -> list[Job]:
        """All jobs of a kind in the caller's account and region."""
        with self.lock:
            return [job for job in _in_scope(caller, self._jobs) if job.kind == kind]

    def unfinished(self, kind: str) -> list[Job]:
        """The jobs of a kind that have not ended, of all accounts, the oldest first."""
        found = [job for job in self._jobs.values() if job.kind == kind and job.status in ACTIVE]
        return sorted(found, key=lambda job: job.created)

    def tagged(self, caller: Caller, arn: str) -> Model | Job | None:
        """The resource with this ARN."""
        with self.lock:
            found = (*_in_scope(caller, self._models), *_in_scope(caller, self._jobs))
        return next((resource for resource in found if resource.arn == arn), None)

    def _add(self, resource: Model | Job) -> None:
        *where, kind, name = _place(resource)
        if isinstance(resource, Model):
            self._models[*where, name] = resource
        else:
            self._jobs[*where, f"{kind}/{name}"] = resource


def _place(resource: Model | Job) -> tuple[str, str, str, str]:
    """Where the store has it."""
    return resource.account, resource.region, resource.kind.lower(), resource.name.lower()


def _record(resource: Model | Job) -> dict:
    """All that is to be kept of it, fit for JSON."""
    kept = [one.name for one in fields(resource) if one.metadata.get("kept", True)]
    values = {name: getattr(resource, name) for name in kept}
    nested = {name: _record(value) for name, value in values.items() if isinstance(value, Model)}
    return {"kind": resource.kind, **values, **nested}


def _restored(record: dict) -> Model | Job:
    values = dict(record)
    kind = values.pop("kind")
    if "model" in values:
        values["model"] = _restored(values["model"])
    return Model(**values) if kind == Model.kind else JOBS[kind](**values)


def _in_scope(caller: Caller, resources: dict) -> list:
    return [resource for key, resource in resources.items() if key[:2] == (caller.account, caller.region)]


def _key(caller: Caller, name: str) -> tuple[str, str, str]:
    """Names that differ in case only are one name, because their ARNs are one ARN."""
    return caller.account, caller.region, name.lower()
