"""The service: a request in, checked and allowed, an answer out."""

import json
from functools import partial
from pathlib import Path

from local.calls import Remote
from local.sagemaker import shapes
from local.sagemaker.access import SERVICE, Caller
from local.sagemaker.environment import process
from local.sagemaker.errors import ServiceError, ValidationError
from local.sagemaker.events import Moves
from local.sagemaker.execution import Execution
from local.sagemaker.jobs import Jobs
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

RECORDS = "sagemaker"  # the folder of the store
# The folder and the work of each kind of job.
KINDS = {
    "Transform": ("jobs", Execution),
    "Processing": ("processing-jobs", ProcessingExecution),
    "Training": ("training-jobs", TrainingExecution),
}
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


class SageMaker:
    """One service with all it remembers, also of an earlier process of it that was killed.

    `most_active` are the account's quotas of jobs by kind, "Transform", "Processing" and "Training". With `warm`,
    containers of transform jobs are forked from a process that has imported what models need.
    """

    def __init__(
        self, workdir: Path, endpoint: str, account: Remote, most_active: dict[str, int | None], warm: bool = False
    ):
        self._account = account
        self._registry = registry = Registry(Store(workdir / RECORDS))
        roles, moved = Roles(endpoint, account), Moves(registry, account)
        models, tags = Models(registry, roles), Tags(registry)
        self._runners = {
            kind: Runner(kind, registry, workdir / folder, roles, moved, execution)
            for kind, (folder, execution) in _kinds(workdir, warm).items()
        }

        def jobs(operations: type[Jobs]) -> dict:
            kind = operations.kind
            return _operations(operations(registry, roles, self._runners[kind], moved, most_active.get(kind)))

        self._operations = {
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "DeleteModel": models.delete,
            "ListModels": models.list,
            **jobs(TransformJobs),
            **jobs(ProcessingJobs),
            **jobs(TrainingJobs),
            "AddTags": tags.add,
            "ListTags": tags.list,
            "DeleteTags": tags.delete,
        }

    def resume(self) -> None:
        """Run again what was in progress when an earlier process was killed."""
        for runner in self._runners.values():
            runner.resume()

    def answer(self, operation: str, body: bytes, caller: tuple[str, str, str]) -> tuple[int, bytes]:
        """Status and body of the answer to a request of a caller: access key, account and region."""
        try:
            answer = self._answer(operation, body, Caller(*caller, self._account))
        except ServiceError as error:
            return 400, _encode({"__type": error.code, "message": error.message})
        return 200, _encode(answer) if answer is not None else b""

    def _answer(self, operation: str, body: bytes, caller: Caller) -> dict | None:
        if operation not in self._operations:
            raise ServiceError(f"The embedded SageMaker has no operation {operation!r}")
        request = _decode(body)
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


def _kinds(workdir: Path, warm: bool) -> dict:
    """The folder and the work of each kind of job; with `warm`, transform jobs have a zygote."""
    if not warm:
        return KINDS
    folder, execution = KINDS["Transform"]
    scratch = workdir / folder / "zygote"
    scratch.mkdir(parents=True, exist_ok=True)
    return KINDS | {"Transform": (folder, partial(execution, zygote=Zygote(process(scratch))))}


def _operations(jobs: Jobs) -> dict:
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


def _encode(answer: dict) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()
