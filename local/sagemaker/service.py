"""The service as ministack's gateway calls it: a request in, checked and allowed, an answer out."""

import asyncio
import json
import logging
from pathlib import Path
from types import ModuleType

from ministack.core.concurrency import run_reentrant

from local.sagemaker import shapes
from local.sagemaker.access import SERVICE, Caller
from local.sagemaker.errors import ServiceError, ValidationError
from local.sagemaker.events import Announcer
from local.sagemaker.execution import Execution
from local.sagemaker.jobs import Jobs
from local.sagemaker.models import Models
from local.sagemaker.processing import ProcessingExecution
from local.sagemaker.processing_jobs import ProcessingJobs
from local.sagemaker.registry import Registry
from local.sagemaker.runner import Runner
from local.sagemaker.tags import Tags
from local.sagemaker.training import TrainingExecution
from local.sagemaker.training_jobs import TrainingJobs
from local.sagemaker.transform_jobs import TransformJobs

logger = logging.getLogger("local.sagemaker")
JSON = {"Content-Type": "application/x-amz-json-1.1"}
ROUTING = {"target_prefixes": ["SageMaker."], "host_patterns": [r"api\.sagemaker\."], "credential_scope": SERVICE}
# Which resource an operation is allowed on: its kind and the member that names it; a list has none.
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
    "AddTags": ("", "ResourceArn"),
    "ListTags": ("", "ResourceArn"),
    "DeleteTags": ("", "ResourceArn"),
}


def install(app: ModuleType, workdir: Path, endpoint: str, most_active: dict[str, int | None]) -> None:
    """Make ministack's gateway route SageMaker requests to a service of ours.

    `most_active` are the account's quotas of jobs by kind, "Transform", "Processing" and "Training".
    """
    from ministack.core import router

    announce = Announcer(asyncio.get_running_loop())
    router.SERVICE_PATTERNS[SERVICE] = ROUTING
    app.SERVICE_HANDLERS[SERVICE] = SageMaker(workdir, endpoint, announce, most_active).handle


class SageMaker:
    """One service with all it remembers."""

    def __init__(self, workdir: Path, endpoint: str, announce: Announcer, most_active: dict[str, int | None]):
        self._registry = registry = Registry()
        models, tags = Models(registry, endpoint), Tags(registry)
        transforming = Runner(registry, workdir / "jobs", endpoint, announce, Execution)
        transform_jobs = TransformJobs(registry, transforming, announce, most_active.get("Transform"))
        processing = Runner(registry, workdir / "processing-jobs", endpoint, announce, ProcessingExecution)
        processing_jobs = ProcessingJobs(registry, processing, announce, most_active.get("Processing"))
        training = Runner(registry, workdir / "training-jobs", endpoint, announce, TrainingExecution)
        training_jobs = TrainingJobs(registry, training, announce, most_active.get("Training"))
        self._operations = {
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "DeleteModel": models.delete,
            "ListModels": models.list,
            **_operations(transform_jobs),
            **_operations(processing_jobs),
            **_operations(training_jobs),
            "AddTags": tags.add,
            "ListTags": tags.list,
            "DeleteTags": tags.delete,
        }

    async def handle(self, method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple:
        """ministack's handler contract: status, headers and body of the answer."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            # In a thread, because an operation may itself call the gateway, which answers from this loop.
            answer = await run_reentrant(self._answer, operation, headers, body, query)
        except ServiceError as error:
            return 400, dict(JSON), _encode({"__type": error.code, "message": error.message})
        return 200, dict(JSON), _encode(answer) if answer is not None else b""

    def _answer(self, operation: str, headers: dict, body: bytes, query: dict) -> dict | None:
        if operation not in self._operations:
            raise ServiceError(f"The embedded SageMaker has no operation {operation!r}")
        request, caller = _decode(body), _caller(headers, query)
        shapes.check(operation, request)
        self._authorize(caller, operation, request)
        return self._operations[operation](caller, request)

    def _authorize(self, caller: Caller, operation: str, request: dict) -> None:
        """The action itself and, for a request that sets tags while it creates, AddTags too."""
        kind, member = RESOURCES[operation] or (None, None)
        arn = "*" if kind is None else caller.arn(kind, request[member]) if kind else request[member]
        found = self._registry.tagged(caller, arn)
        tags = found.tags if found else {}
        caller.require(f"{SERVICE}:{operation}", arn, request, tags)
        if operation.startswith("Create") and request.get("Tags"):
            caller.require(f"{SERVICE}:AddTags", arn, request, tags)


def _operations(jobs: Jobs) -> dict:
    kind = f"{jobs.kind}Job"
    return {
        f"Create{kind}": jobs.create,
        f"Describe{kind}": jobs.describe,
        f"Stop{kind}": jobs.stop,
        f"List{kind}s": jobs.list,
    }


def _caller(headers: dict, query: dict) -> Caller:
    from ministack.core.responses import get_account_id, get_region
    from ministack.core.router import extract_access_key_id

    return Caller(extract_access_key_id(headers, query), get_account_id(), get_region())


def _decode(body: bytes) -> dict:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ValidationError("The request body is not JSON") from error
    if not isinstance(request, dict):
        raise ValidationError("The request body is not a JSON object")
    return request


def _encode(answer: dict) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()
