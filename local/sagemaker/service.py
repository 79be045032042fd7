"""The service: validate a request, check the caller's permissions, perform the operation, encode the response."""

from __future__ import annotations

import json
import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from local.autoscaling.scaler import Scaler
from local.autoscaling.service import AutoScaling
from local.sagemaker import shapes
from local.sagemaker.access import SERVICE, Caller
from local.sagemaker.endpoints.configs import EndpointConfigs
from local.sagemaker.endpoints.control import Endpoints
from local.sagemaker.endpoints.hosts import Hosts
from local.sagemaker.endpoints.invocation import Invocations
from local.sagemaker.endpoints.metrics import Metrics
from local.sagemaker.endpoints.platform import Platform
from local.sagemaker.environment import make_base_environment
from local.sagemaker.errors import ServiceError, ValidationError
from local.sagemaker.events import StateChanges
from local.sagemaker.execution import Execution
from local.sagemaker.features.control import FeatureGroups
from local.sagemaker.features.offline import OfflineStore
from local.sagemaker.features.online import OnlineStore
from local.sagemaker.features.rest import Request
from local.sagemaker.features.runtime import Records
from local.sagemaker.models import Models
from local.sagemaker.processing import ProcessingExecution
from local.sagemaker.processing_jobs import ProcessingJobs
from local.sagemaker.registry import Registry
from local.sagemaker.roles import Roles
from local.sagemaker.runner import Runner
from local.sagemaker.store import Store
from local.sagemaker.tags import Tags
from local.sagemaker.training import TrainingExecution
from local.sagemaker.training_jobs import TrainingJobs
from local.sagemaker.transform_jobs import TransformJobs
from local.warm import Zygote

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.calls import Remote
    from local.sagemaker.endpoints.rest import Response
    from local.sagemaker.jobs import Jobs

    Operation = Callable[[Caller, dict], dict | None]

logger = logging.getLogger("local.sagemaker")
RECORDS, REQUESTS, ENDPOINTS = "sagemaker", "endpoint-requests", "endpoints"  # folders: two stores, and containers
ONLINE, OFFLINE = "online-store", "offline-store"  # folders: records of feature groups, and rows that wait
# The folder and the class of the work of each kind of job.
KINDS = {
    "Transform": ("jobs", Execution),
    "Processing": ("processing-jobs", ProcessingExecution),
    "Training": ("training-jobs", TrainingExecution),
}
# The resource on which an operation needs a permission: its kind, and the member that names it or its ARN.
RESOURCES = {
    "CreateModel": ("model", "ModelName"),
    "DescribeModel": ("model", "ModelName"),
    "DeleteModel": ("model", "ModelName"),
    "ListModels": None,
    "CreateTransformJob": ("transform-job", "TransformJobName"),
    "DescribeTransformJob": ("transform-job", "TransformJobName"),
    "StopTransformJob": ("transform-job", "TransformJobName"),
    "ListTransformJobs": None,
    "CreateProcessingJob": ("processing-job", "ProcessingJobName"),
    "DescribeProcessingJob": ("processing-job", "ProcessingJobName"),
    "StopProcessingJob": ("processing-job", "ProcessingJobName"),
    "ListProcessingJobs": None,
    "CreateTrainingJob": ("training-job", "TrainingJobName"),
    "DescribeTrainingJob": ("training-job", "TrainingJobName"),
    "StopTrainingJob": ("training-job", "TrainingJobName"),
    "ListTrainingJobs": None,
    "CreateEndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "DescribeEndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "DeleteEndpointConfig": ("endpoint-config", "EndpointConfigName"),
    "ListEndpointConfigs": None,
    "CreateEndpoint": ("endpoint", "EndpointName"),
    "DescribeEndpoint": ("endpoint", "EndpointName"),
    "UpdateEndpoint": ("endpoint", "EndpointName"),
    "UpdateEndpointWeightsAndCapacities": ("endpoint", "EndpointName"),
    "DeleteEndpoint": ("endpoint", "EndpointName"),
    "ListEndpoints": None,
    "CreateFeatureGroup": ("feature-group", "FeatureGroupName"),
    "DescribeFeatureGroup": ("feature-group", "FeatureGroupName"),
    "UpdateFeatureGroup": ("feature-group", "FeatureGroupName"),
    "DeleteFeatureGroup": ("feature-group", "FeatureGroupName"),
    "DescribeFeatureMetadata": ("feature-group", "FeatureGroupName"),
    "UpdateFeatureMetadata": ("feature-group", "FeatureGroupName"),
    "ListFeatureGroups": None,
    "AddTags": ("", "ResourceArn"),
    "ListTags": ("", "ResourceArn"),
    "DeleteTags": ("", "ResourceArn"),
}
# A second resource on which an operation needs the same permission.
RESOURCES_TOO = {
    "CreateEndpoint": ("endpoint-config", "EndpointConfigName"),
    "UpdateEndpoint": ("endpoint-config", "EndpointConfigName"),
}


class SageMaker:
    """The service and its state, including the state of an earlier process that was killed.

    `quotas` are the account's quotas of active jobs by kind: "Transform", "Processing" and "Training". With `warm`,
    containers of transform jobs and endpoints are forked from a process that has imported the libraries of models.
    `minute` is the length in seconds of a minute in which an endpoint waits.
    """

    def __init__(
        self,
        workdir: Path,
        endpoint: str,
        account: Remote,
        quotas: dict[str, int | None],
        warm: bool = False,
        minute: float = 60,
    ) -> None:
        self._account = account
        self._registry = registry = Registry(Store(workdir / RECORDS))
        roles, announce = Roles(endpoint, account), StateChanges(registry, account)
        models, tags = Models(registry, roles), Tags(registry)
        zygote = _make_zygote(workdir) if warm else None
        self._runners = {
            kind: Runner(kind, registry, workdir / folder, roles, announce, execution)
            for kind, (folder, execution) in _list_kinds(zygote).items()
        }
        platform = Platform(workdir / ENDPOINTS, roles, Metrics(account), zygote, minute)
        self._hosts = Hosts(registry, Store(workdir / REQUESTS), platform, announce)
        self._invocations = Invocations(registry, self._hosts)
        self._auto_scaling, self._scaler = AutoScaling(registry), Scaler(registry, self._hosts, account)
        self._minute = minute
        configs, endpoints = EndpointConfigs(registry), Endpoints(registry, self._hosts)
        online = OnlineStore(Store(workdir / ONLINE))
        self._offline = OfflineStore(registry, Store(workdir / OFFLINE), online, roles)
        self._records = Records(registry, online, self._offline)
        groups = FeatureGroups(registry, roles, self._offline)

        def job_operations(jobs: type[Jobs]) -> dict[str, Operation]:
            kind = jobs.kind
            return _list_operations(jobs(registry, roles, self._runners[kind], announce, quotas.get(kind)))

        self._operations: dict[str, Operation] = {
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "DeleteModel": models.delete,
            "ListModels": models.list,
            "CreateEndpointConfig": configs.create,
            "DescribeEndpointConfig": configs.describe,
            "DeleteEndpointConfig": configs.delete,
            "ListEndpointConfigs": configs.list,
            "CreateEndpoint": endpoints.create,
            "DescribeEndpoint": endpoints.describe,
            "UpdateEndpoint": endpoints.update,
            "UpdateEndpointWeightsAndCapacities": endpoints.update_weights_and_capacities,
            "DeleteEndpoint": endpoints.delete,
            "ListEndpoints": endpoints.list,
            "CreateFeatureGroup": groups.create,
            "DescribeFeatureGroup": groups.describe,
            "UpdateFeatureGroup": groups.update,
            "DeleteFeatureGroup": groups.delete,
            "DescribeFeatureMetadata": groups.describe_feature,
            "UpdateFeatureMetadata": groups.update_feature,
            "ListFeatureGroups": groups.list,
            **job_operations(TransformJobs),
            **job_operations(ProcessingJobs),
            **job_operations(TrainingJobs),
            "AddTags": tags.add,
            "ListTags": tags.list,
            "DeleteTags": tags.delete,
        }

    def resume(self) -> None:
        """Start the endpoints, and the jobs that were in progress, when an earlier process was killed."""
        self._hosts.resume()
        self._offline.resume()
        threading.Thread(target=self._tick, name="minutes", daemon=True).start()
        for runner in self._runners.values():
            runner.resume()

    def respond(self, operation: str, body: bytes, caller: tuple[str, str, str]) -> tuple[int, bytes]:
        """Return status and body of the response to a request of a caller (access key, account, region)."""
        try:
            response = self._perform(operation, body, Caller(*caller, self._account))
        except ServiceError as error:
            return 400, _encode({"__type": error.code, "message": error.message})
        return 200, _encode(response) if response is not None else b""

    def invoke(self, path: str, headers: dict[str, str], body: bytes, caller: tuple[str, str, str]) -> Response:
        """Return status, headers and body of the response to a request to an endpoint."""
        return self._invocations.respond(path, headers, body, Caller(*caller, self._account))

    def keep(self, request: tuple, caller: tuple[str, str, str]) -> Response:
        """Return status, headers and body of the response to a request of Feature Store's runtime."""
        return self._records.respond(Request(*request), Caller(*caller, self._account))

    def scale(self, operation: str, body: bytes, caller: tuple[str, str, str]) -> tuple[int, bytes]:
        """Return status and body of the response to a request to Application Auto Scaling."""
        return self._auto_scaling.respond(operation, body, Caller(*caller, self._account))

    def _tick(self) -> None:
        """Do every minute what endpoints and their scaling need."""
        while True:
            time.sleep(self._minute)
            try:
                self._hosts.observe()
                self._scaler.tick()
            except Exception:
                logger.exception("a minute of the endpoints")

    def _perform(self, operation: str, body: bytes, caller: Caller) -> dict | None:
        if operation not in self._operations:
            raise ServiceError(f"The embedded SageMaker has no operation {operation!r}")
        request = _decode(body)
        shapes.check(operation, request)
        self._authorize(caller, operation, request)
        return self._operations[operation](caller, request)

    def _authorize(self, caller: Caller, operation: str, request: dict) -> None:
        """Check the permission for the action and, if a Create request sets tags, for AddTags too."""
        arn = _resource_arn(caller, operation, request)
        resource = self._registry.find_by_arn(caller, arn)
        tags = resource.tags if resource else {}
        caller.require(f"{SERVICE}:{operation}", arn, request, tags)
        if operation in RESOURCES_TOO:
            kind, member = RESOURCES_TOO[operation]
            caller.require(f"{SERVICE}:{operation}", caller.make_arn(kind, request[member]), request, {})
        if operation.startswith("Create") and request.get("Tags"):
            caller.require(f"{SERVICE}:AddTags", arn, request, tags)


def _resource_arn(caller: Caller, operation: str, request: dict) -> str:
    if RESOURCES[operation] is None:
        return "*"
    kind, member = RESOURCES[operation]
    # Some operations take an ARN in place of the name.
    return caller.make_arn(kind, request[member].rpartition("/")[2]) if kind else request[member]


def _make_zygote(workdir: Path) -> Zygote:
    """Return the process from which the containers of transform jobs and endpoints are forked."""
    scratch = workdir / KINDS["Transform"][0] / "zygote"
    scratch.mkdir(parents=True, exist_ok=True)
    return Zygote(make_base_environment(scratch))


def _list_kinds(zygote: Zygote | None) -> dict[str, tuple[str, Callable]]:
    """Return the folder and the work of each kind of job; transform jobs fork from the zygote, if there is one."""
    folder, execution = KINDS["Transform"]
    return KINDS | {"Transform": (folder, partial(execution, zygote=zygote))}


def _list_operations(jobs: Jobs) -> dict[str, Operation]:
    kind = f"{jobs.kind}Job"
    return {
        f"Create{kind}": jobs.create,
        f"Describe{kind}": jobs.describe,
        f"Stop{kind}": jobs.stop,
        f"List{kind}s": jobs.list,
    }


def _decode(body: bytes) -> dict:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ValidationError("The request body is not JSON") from error
    if not isinstance(request, dict):
        raise ValidationError("The request body is not a JSON object")
    return request


def _encode(response: dict) -> bytes:
    return json.dumps(response, ensure_ascii=False).encode()
