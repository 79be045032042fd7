"""Agents, locations, tasks and executions of all accounts, in memory."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TypeVar

from local.datasync.errors import InvalidRequestError

ENDED = frozenset({"SUCCESS", "ERROR"})
DEFAULTS = {
    "OverwriteMode": "ALWAYS",
    "Atime": "BEST_EFFORT",
    "Mtime": "PRESERVE",
    "Uid": "INT_VALUE",
    "Gid": "INT_VALUE",
    "PreserveDeletedFiles": "PRESERVE",
    "PreserveDevices": "NONE",
    "PosixPermissions": "PRESERVE",
    "BytesPerSecond": -1,
    "TaskQueueing": "ENABLED",
    "LogLevel": "OFF",
    "TransferMode": "CHANGED",
    "ObjectTags": "PRESERVE",
}
VERIFICATION = {"BASIC": "POINT_IN_TIME_CONSISTENT", "ENHANCED": "ONLY_FILES_TRANSFERRED"}


@dataclass(kw_only=True)
class Resource:
    """The fields of every resource; `request` is the request that created it."""

    arn: str
    request: dict
    account: str
    region: str
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)


@dataclass(kw_only=True)
class Agent(Resource):
    """An activated agent. It is online unless a test says otherwise."""

    is_online: bool = True


@dataclass(kw_only=True)
class Location(Resource):
    """A place to copy from or to. `kind` is S3, NFS or SMB."""

    kind: str
    uri: str

    @property
    def agents(self) -> list[str]:
        """The ARNs of the agents that reach the location."""
        return self.request.get("AgentArns") or self.request.get("OnPremConfig", {}).get("AgentArns", [])


@dataclass(kw_only=True)
class Task(Resource):
    """What is copied, from where to where, and how. Updates change `request`."""

    executions: list[Execution] = field(default_factory=list)

    @property
    def mode(self) -> str:
        """BASIC or ENHANCED."""
        return self.request.get("TaskMode", "BASIC")

    @property
    def options(self) -> dict:
        """The options with the service's defaults."""
        return DEFAULTS | {"VerifyMode": VERIFICATION[self.mode]} | self.request.get("Options", {})

    @property
    def open_executions(self) -> list[Execution]:
        """The executions that have not ended; the first one runs, the others are queued."""
        return [each for each in self.executions if each.state not in ENDED]


@dataclass(kw_only=True)
class Execution(Resource):
    """One run of a task, with the task's settings and the overrides of its start."""

    task: Task
    state: str = "QUEUED"
    launched: float = 0
    ended: float = 0
    counts: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    result: dict = field(default_factory=dict)
    report: dict = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        """The id, which begins with `exec-`."""
        return self.arn.rpartition("/")[2]

    def setting(self, name: str) -> object:
        """Return a setting of this execution: of its start, else of its task."""
        return self.request[name] if name in self.request else self.task.request.get(name)

    @property
    def options(self) -> dict:
        """The options of this execution."""
        return self.task.options | self.request.get("OverrideOptions", {})

    def count(self, name: str, number: int = 1) -> None:
        """Add to one of the counters of DescribeTaskExecution."""
        self.counts[name] = self.counts.get(name, 0) + number

    def count_failure(self, phase: str) -> None:
        """Count a file that failed in a phase: Prepare, Transfer, Verify or Delete."""
        self.failed[phase] = self.failed.get(phase, 0) + 1


Kind = TypeVar("Kind", bound=Resource)


class Store:
    """The resources by ARN. `lock` guards changes of what more than one request may see."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._resources: dict[str, Resource] = {}

    def add(self, resource: Resource) -> None:
        """Keep a resource."""
        with self.lock:
            self._resources[resource.arn] = resource

    def find(self, kind: type[Kind], arn: str, scope: tuple[str, str]) -> Kind:
        """Return a resource of an account and region; raise InvalidRequestError if there is none."""
        resource = self._resources.get(arn)
        if not isinstance(resource, kind) or (resource.account, resource.region) != scope:
            raise InvalidRequestError(f"Request parameters contain an invalid ARN: {arn} was not found.")
        return resource

    def list(self, kind: type[Kind], scope: tuple[str, str]) -> list[Kind]:
        """Return the resources of a class in an account and region, oldest first."""
        with self.lock:
            resources = list(self._resources.values())
        return [each for each in resources if isinstance(each, kind) and (each.account, each.region) == scope]

    def remove(self, resource: Resource) -> None:
        """Forget a resource."""
        with self.lock:
            self._resources.pop(resource.arn, None)


def make_id(word: str) -> str:
    """Return an id as the service makes them: a word, and 17 hexadecimal digits."""
    return f"{word}-0{secrets.token_hex(8)}"
