"""The models and jobs of the service by account, region and name; they survive when its process is killed."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, TypeVar

from local.autoscaling.records import ScalableTarget, ScalingPolicy
from local.sagemaker.endpoints.records import Endpoint, EndpointConfig
from local.sagemaker.features.records import FeatureGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.store import Store

Resource = TypeVar("Resource", bound="AnyResource")
AnyResource: TypeAlias = "Model | Job | EndpointConfig | Endpoint | ScalableTarget | ScalingPolicy | FeatureGroup"


class Scope(Protocol):
    """An account and a region: a caller, or a resource."""

    @property
    def account(self) -> str:
        """The account."""

    @property
    def region(self) -> str:
        """The region."""


ACTIVE = frozenset({"InProgress", "Stopping"})
TRANSIENT = {"stored": False}  # metadata of a field that is used only in this process


@dataclass
class Model:
    """A model as it was created; each job uses its container's environment and data."""

    kind: ClassVar[str] = "Model"

    arn: str
    request: dict
    account: str
    region: str
    tags: dict[str, str]
    created: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """The name as in the request, with its case."""
        return self.request["ModelName"]

    @property
    def container(self) -> dict:
        """The single container of the model."""
        return self.request.get("PrimaryContainer") or self.request["Containers"][0]

    @property
    def role(self) -> str:
        """The ARN of the role that its jobs assume."""
        return self.request["ExecutionRoleArn"]

    @property
    def is_isolated(self) -> bool:
        """True if its containers reach no network; they never have credentials here."""
        return bool(self.request.get("EnableNetworkIsolation"))

    @property
    def data_url(self) -> str:
        """The URL of model.tar.gz."""
        source = self.container.get("ModelDataSource", {}).get("S3DataSource", {})
        return self.container.get("ModelDataUrl") or source.get("S3Uri", "")

    @property
    def etag(self) -> str:
        """The ETag that model.tar.gz must have; "" if the request names none."""
        return self.container.get("ModelDataSource", {}).get("S3DataSource", {}).get("ETag", "")


@dataclass(kw_only=True)
class Job:
    """The fields of jobs of every kind.

    SageMaker's API has the kind in most of its names: TransformJobName, …
    `notify` is called after each change that EventBridge announces.
    """

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
    stopping: threading.Event = field(default_factory=threading.Event, metadata=TRANSIENT)
    notify: Callable[[Job], None] = field(default=lambda _job: None, metadata=TRANSIENT)

    @property
    def name(self) -> str:
        """The name as in the request, with its case."""
        return self.request[f"{self.kind}JobName"]

    @property
    def role(self) -> str:
        """The ARN of the role that it assumes."""
        raise NotImplementedError

    def reset(self) -> None:
        """Prepare a job that was in progress when the service was killed to start over from its inputs."""
        if self.status == "Stopping":
            self.stopping.set()

    def describe(self) -> dict:
        """Return the response of the Describe operation; times are seconds since 1970, absent values are omitted."""
        return self._echo() | {key: value for key, value in self._state().items() if value is not None}

    def _echo(self) -> dict:
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
    """A job with the model as it was when the job was created; deleting the model does not affect the job."""

    kind = "Transform"

    model: Model

    @property
    def role(self) -> str:
        """The ARN of the model's execution role."""
        return self.model.role

    def _echo(self) -> dict:
        echo = super()._echo()
        echo["TransformInput"] = {"CompressionType": "None", "SplitType": "None"} | echo["TransformInput"]
        echo["TransformOutput"] = {"AssembleWith": "None"} | echo["TransformOutput"]
        return echo


@dataclass(kw_only=True)
class ProcessingJob(Job):
    """A job that runs a program; `exit_message` is the content of /opt/ml/output/message."""

    kind = "Processing"

    exit_message: str | None = None

    @property
    def role(self) -> str:
        """The ARN of the role in the request."""
        return self.request["RoleArn"]

    def _state(self) -> dict:
        return super()._state() | {"ExitMessage": self.exit_message, "LastModifiedTime": self.modified}


@dataclass(kw_only=True)
class TrainingJob(Job):
    """A job that trains a model; `steps` are its secondary statuses, each with the time at which it began."""

    kind = "Training"

    steps: list[tuple[str, float]] = field(default_factory=list)
    metrics: list[dict] = field(default_factory=list)
    overtime: bool = False

    def __post_init__(self) -> None:
        if not self.steps:
            self.steps.append(("Starting", self.created))

    def reset(self) -> None:
        """Prepare the job to start over, with only the first of its steps."""
        super().reset()
        self.steps, self.metrics = self.steps[:1], []

    @property
    def role(self) -> str:
        """The ARN of the role in the request."""
        return self.request["RoleArn"]

    @property
    def artifacts(self) -> str:
        """The URL of model.tar.gz, also before it exists."""
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output/model.tar.gz"

    def enter(self, status: str) -> None:
        """Record a secondary status of a job in progress, and announce it."""
        if self.status == "InProgress":
            self.steps.append((status, time.time()))
            self.modified = time.time()
            self.notify(self)

    @property
    def secondary(self) -> str:
        """The secondary status: the step of a job in progress, otherwise its status or the cause of its stop."""
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

    def _echo(self) -> dict:
        defaults = {
            "EnableNetworkIsolation": False,
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
        }
        return defaults | super()._echo()

    def _transitions(self) -> list[dict]:
        steps = [*self.steps, *([(self.secondary, self.ended)] if self.ended else [])]
        ends = [start for _, start in steps[1:]] + [self.ended]
        return [
            {"Status": name, "StartTime": start} | ({"EndTime": end} if end else {})
            for (name, start), end in zip(steps, ends, strict=True)
        ]


JOBS = {job_class.kind: job_class for job_class in (TransformJob, ProcessingJob, TrainingJob)}
OTHERS = (Model, EndpointConfig, Endpoint, ScalableTarget, ScalingPolicy, FeatureGroup)
CLASSES = JOBS | {other.kind: other for other in OTHERS}


class Registry:
    """All resources; request threads and job threads may use it at the same time.

    A resource is in the store before `add` or `save` returns, and a new registry reads the store.
    """

    def __init__(self, store: Store) -> None:
        self.lock = threading.RLock()
        self._store = store
        self._resources: dict[tuple[str, str, str], AnyResource] = {}
        for record in store.all():
            self._index(_restore(record))

    def add(self, resource: AnyResource) -> None:
        """Add a resource; the caller must hold the lock from the check of its name until here."""
        self._index(resource)
        self.save(resource)

    def save(self, resource: AnyResource) -> None:
        """Store the current state of a resource."""
        with self.lock:
            self._store.put(_store_key(resource), _to_record(resource))

    def find(self, caller: Scope, kind: type[Resource], name: str) -> Resource | None:
        """Return the resource of this class with this name; None if there is none."""
        return self._resources.get(_key(caller, f"{kind.kind}/{name}"))

    def list(self, caller: Scope, kind: type[Resource]) -> list[Resource]:
        """Return all resources of a class in the caller's account and region."""
        with self.lock:
            return [resource for resource in self._in_scope(caller) if isinstance(resource, kind)]

    def list_everywhere(self, kind: type[Resource]) -> list[Resource]:
        """Return all resources of a class, of all accounts and regions."""
        with self.lock:
            return [resource for resource in self._resources.values() if isinstance(resource, kind)]

    def remove(self, resource: AnyResource) -> None:
        """Remove a resource; if it has been removed before, do nothing."""
        with self.lock:
            if self._resources.pop(_index_key(resource), None) is not None:
                self._store.remove(_store_key(resource))

    def find_model(self, caller: Scope, name: str) -> Model | None:
        """Return the model with this name; None if there is none."""
        return self.find(caller, Model, name)

    def remove_model(self, caller: Scope, name: str) -> Model | None:
        """Remove a model and return it; return None if there is none."""
        with self.lock:
            model = self.find_model(caller, name)
            if model is not None:
                self.remove(model)
            return model

    def list_models(self, caller: Scope) -> list[Model]:
        """Return all models of the caller's account and region."""
        return self.list(caller, Model)

    def find_job(self, caller: Scope, kind: str, name: str) -> Job | None:
        """Return the job of this kind with this name; None if there is none."""
        return self.find(caller, JOBS[kind], name)

    def list_jobs(self, caller: Scope, kind: str) -> list[Job]:
        """Return all jobs of a kind in the caller's account and region."""
        return self.list(caller, JOBS[kind])

    def list_active_jobs(self, kind: str) -> list[Job]:
        """Return the jobs of a kind that have not ended, of all accounts, oldest first."""
        jobs = [job for job in self.list_everywhere(JOBS[kind]) if job.status in ACTIVE]
        return sorted(jobs, key=lambda job: job.created)

    def find_by_arn(self, caller: Scope, arn: str) -> AnyResource | None:
        """Return the resource with this ARN; None if there is none in the caller's account and region."""
        with self.lock:
            resources = self._in_scope(caller)
        return next((resource for resource in resources if resource.arn == arn), None)

    def _index(self, resource: AnyResource) -> None:
        self._resources[_index_key(resource)] = resource

    def _in_scope(self, caller: Scope) -> list[AnyResource]:
        scope = (caller.account, caller.region)
        return [resource for key, resource in self._resources.items() if key[:2] == scope]


def _store_key(resource: AnyResource) -> tuple[str, str, str, str]:
    """Return the key of a resource in the store."""
    return resource.account, resource.region, resource.kind.lower(), resource.name.lower()


def _index_key(resource: AnyResource) -> tuple[str, str, str]:
    account, region, kind, name = _store_key(resource)
    return account, region, f"{kind}/{name}"


def _to_record(resource: AnyResource) -> dict:
    """Return the stored fields of a resource as a JSON object."""
    names = [item.name for item in fields(resource) if item.metadata.get("stored", True)]
    values = {name: getattr(resource, name) for name in names}
    return {"kind": resource.kind} | {name: _to_json(value) for name, value in values.items()}


def _to_json(value: object) -> object:
    if isinstance(value, Model):
        return _to_record(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _restore(record: dict) -> AnyResource:
    values = dict(record)
    kind = values.pop("kind")
    if "model" in values:
        values["model"] = _restore(values["model"])
    return CLASSES[kind](**values)


def _key(caller: Scope, name: str) -> tuple[str, str, str]:
    """Return the key of a name in lower case: names that differ only in case have the same ARN."""
    return caller.account, caller.region, name.lower()
