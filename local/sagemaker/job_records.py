"""The records of transform, processing and training jobs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.sagemaker.resources import TRANSIENT, StoredResource

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.model_records import Model

ACTIVE = frozenset({"InProgress", "Stopping"})


@dataclass(kw_only=True)
class Job(StoredResource):
    """The fields of jobs of every kind.

    SageMaker's API has the kind in most of its names: TransformJobName, …
    `notify` is called after each change that EventBridge announces.
    """

    status: str = "InProgress"
    failure: str | None = None
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
