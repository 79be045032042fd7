"""What the service remembers: models and transform jobs by account, region and name."""

import threading
import time
from dataclasses import dataclass, field

from local.sagemaker.access import Caller

ACTIVE = frozenset({"InProgress", "Stopping"})


@dataclass
class Model:
    """A model as it was created; its container's environment and data go into each job."""

    arn: str
    request: dict
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


@dataclass
class TransformJob:
    """A job, with the model as it was when the job was created; deleting the model leaves the job alone."""

    arn: str
    request: dict
    model: Model
    account: str
    region: str
    tags: dict[str, str]
    status: str = "InProgress"
    failure: str | None = None
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    modified: float = field(default_factory=time.time)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The name it was given, in its own case."""
        return self.request["TransformJobName"]


class Registry:
    """Every model and job; safe to use from the request threads and the job threads at once."""

    def __init__(self):
        self.lock = threading.RLock()
        self._models: dict[tuple[str, str, str], Model] = {}
        self._jobs: dict[tuple[str, str, str], TransformJob] = {}

    def model(self, caller: Caller, name: str) -> Model | None:
        """The model of this name, if there is one."""
        return self._models.get(_key(caller, name))

    def add_model(self, caller: Caller, model: Model) -> None:
        """Remember a model; the caller holds the lock since it looked for the name."""
        self._models[_key(caller, model.name)] = model

    def remove_model(self, caller: Caller, name: str) -> Model | None:
        """Forget a model; answers it if there was one."""
        with self.lock:
            return self._models.pop(_key(caller, name), None)

    def models(self, caller: Caller) -> list[Model]:
        """All models of the caller's account and region."""
        with self.lock:
            return _in_scope(caller, self._models)

    def job(self, caller: Caller, name: str) -> TransformJob | None:
        """The job of this name, if there is one."""
        return self._jobs.get(_key(caller, name))

    def add_job(self, caller: Caller, job: TransformJob) -> None:
        """Remember a job; the caller holds the lock since it looked for the name."""
        self._jobs[_key(caller, job.name)] = job

    def jobs(self, caller: Caller) -> list[TransformJob]:
        """All jobs of the caller's account and region."""
        with self.lock:
            return _in_scope(caller, self._jobs)

    def tagged(self, caller: Caller, arn: str) -> Model | TransformJob | None:
        """The resource with this ARN."""
        return next((resource for resource in (*self.models(caller), *self.jobs(caller)) if resource.arn == arn), None)


def _in_scope(caller: Caller, resources: dict) -> list:
    return [resource for key, resource in resources.items() if key[:2] == (caller.account, caller.region)]


def _key(caller: Caller, name: str) -> tuple[str, str, str]:
    """Names that differ in case only are one name, because their ARNs are one ARN."""
    return caller.account, caller.region, name.lower()
