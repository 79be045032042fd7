"""The models and jobs of the service by account, region and name; they survive when its process is killed."""

from __future__ import annotations

import threading
from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from local.autoscaling.records import ScalableTarget, ScalingPolicy
from local.sagemaker.endpoints.records import Endpoint, EndpointConfig
from local.sagemaker.features.records import FeatureGroup
from local.sagemaker.job_records import ACTIVE, Job, ProcessingJob, TrainingJob, TransformJob
from local.sagemaker.model_records import Model

if TYPE_CHECKING:
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
