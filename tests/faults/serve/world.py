"""An account with CloudFormation's custom resource of endpoints, and changes of endpoints that end by themselves.

Endpoints are only made by serve. `endings` says how the n-th change ends: as wanted, or as one of ENDINGS.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from seqdrop.ledger.endpoint_record import IDLE

from tests.faults.world import World
from tests.support.aws.endpoints import CHANGING
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from tests.support.aws.account import Call
    from tests.support.aws.buckets import Bucket, Version

UNDONE, FAILS, STUCK = ENDINGS = ("is undone", "fails", "is stuck")
START, STOP = "start the endpoint", "stop the endpoint"
OFF, ON, DEPLOY = "Endpoints=false", "Endpoints=true", "deploy"
SCALE, HOURS, LOOK, FULL, FREE = "scale", "hours pass", "look", "no capacity", "capacity"
ACTS = (START, STOP, OFF, ON, DEPLOY, SCALE, HOURS, LOOK, FULL, FREE)
QUEUE = "ServeQueue"
CHANGE = 400  # seconds that a creation, update or deletion takes
LONG = 7 * 3600  # longer than the idle hours of the family
PATIENCE = 3600  # CloudFormation waits no longer
NAME = "seqdrop-busy"  # the endpoint that a person stops and starts


class ServeWorld(World):
    """The account of the family `serve`.

    `ended` are the changes that did not succeed: (UNDONE or FAILS, endpoint, configuration). `archives` has the URL of
    the archive of each configuration that ever existed. `reports` are the (UNDONE, FAILS or IDLE,
    endpoint) that records have got.
    """

    current: ClassVar[ServeWorld]

    def __init__(self):
        super().__init__()
        ServeWorld.current = self
        self.ended: list[tuple[str, str, str]] = []
        self.archives: dict[str, str] = {}
        self.reports: list[tuple[str, str]] = []
        self.stack = "on"  # "on", "deleting" or "off"
        self.wants_off = False
        self._asked_at = 0.0
        self._due: dict[str, float] = {}
        self._changes = 0
        self._was_full = False
        self._later: list[float] = []
        self._request("Create")

    # -- what SageMaker does --

    def call(self, call: Call) -> dict:
        response = super().call(call)
        if call.operation == "CreateEndpointConfig":
            self._note_archive(call.request)
        for name, endpoint in self.sagemaker.endpoints.items():
            if endpoint.status in CHANGING and name not in self._due:
                self._due[name] = self.clock.seconds + CHANGE
                self._announce_endpoint(name)
        return response

    def _note_archive(self, request: dict) -> None:
        (variant,) = request["ProductionVariants"]
        container = self.sagemaker.models[variant["ModelName"]]["PrimaryContainer"]
        self.archives[request["EndpointConfigName"]] = container["ModelDataSource"]["S3DataSource"]["S3Uri"]

    def _end_change(self, name: str) -> None:
        endpoint, ending = self.sagemaker.endpoints[name], self.sagemaker.endings.get(self._changes)
        self._changes += 1
        status, wanted = endpoint.status, endpoint.wanted or endpoint.configuration
        if status == "Creating" and ending:
            self.ended.append((FAILS, name, wanted))
            self.sagemaker.end_change(name, "fails", "the container did not respond")
        elif status == "Updating" and ending:
            self.ended.append((UNDONE, name, wanted))
            self.sagemaker.end_change(name, "is undone", "alarm raised")
            if ending == STUCK:
                endpoint.status = "UpdateRollbackFailed"
        else:
            self.sagemaker.end_change(name)
        self._announce_endpoint(name)

    def _announce_endpoint(self, name: str) -> None:
        detail = {"EndpointName": name}
        self.announce({"source": "aws.sagemaker", "detail-type": "SageMaker Endpoint State Change", "detail": detail})

    def next_at(self) -> float | None:
        return min(
            (at for at in (super().next_at(), *self._due.values(), *self._later) if at is not None), default=None
        )

    def run(self) -> None:
        super().run()
        for name in [name for name, at in self._due.items() if at <= self.clock.seconds]:
            del self._due[name]
            self._end_change(name)
        if any(at <= self.clock.seconds for at in self._later):
            self._later = [at for at in self._later if at > self.clock.seconds]
            self.tick()

    # -- what people and EventBridge do --

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        super()._on_create(bucket, version)
        if bucket.name == self.name("models") and version.key.endswith("/current.json"):
            detail = {"bucket": {"name": bucket.name}, "object": {"key": version.key}}
            self.announce({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})

    def announce(self, event: dict) -> None:
        if self.stack != "off":  # its rules are deleted with the parameter
            super().announce(event)

    def tick(self) -> None:
        """Have the schedule look at all endpoints, and CloudFormation's deletion asked for again if it failed."""
        if self.stack != "off":
            self._post(QUEUE, json.dumps({"source": "aws.events"}), may_be_lost=True)
        if self.wants_off and self.stack == "on":
            self._request("Delete")
        if self.stack == "deleting" and self.clock.seconds > self._asked_at + PATIENCE:
            self.stack = "on"  # CloudFormation has given up

    def mend(self) -> None:
        """Give SageMaker capacity. Without it, messages come into the dead-letter queue, whose alarm reports that."""
        if self._was_full:
            self.queues.messages["ServeDeadLetters"].clear()
        self.sagemaker.capacity, self._was_full = True, False

    def perform(self, act: str) -> bool:
        if act in (START, STOP) and self.stack != "off":
            self._post(QUEUE, json.dumps({"order": act.split()[0], "endpoints": [NAME], "by": "arn:ada"}))
        elif act == OFF and self.stack == "on":
            self.wants_off = True
            self._request("Delete")
        elif act == ON and self.stack == "off":
            self.wants_off, self.stack = False, "on"
            self._request("Create")
        elif act == DEPLOY and self.stack == "on":
            self._request("Update")
        elif act == SCALE:
            for endpoint in self.sagemaker.endpoints.values():
                if endpoint.status == "InService":
                    endpoint.modified = self.clock.now
        elif act == HOURS:
            self._later.append(self.clock.seconds + LONG)
        elif act in (FULL, FREE):
            self.sagemaker.capacity = act == FREE
            self._was_full |= act == FULL
        elif act == LOOK:
            self.tick()
        return act in ACTS

    def _request(self, kind: str) -> None:
        """Send what CloudFormation sends, with the time in the URL so that late responses are recognised."""
        if kind == "Delete":
            self.stack, self._asked_at = "deleting", self.clock.seconds
        body = {
            "RequestType": kind,
            "ResponseURL": f"{kind} {self.clock.seconds}",
            "StackId": "arn:stack",
            "RequestId": kind,
            "LogicalResourceId": "EndpointsOfAnalyses",
            "at": self.clock.now.isoformat(),
        }
        self._post(QUEUE, json.dumps(body))

    def respond_to_request(self, url: str, status: str) -> None:
        """Handle the response of the function; with that of a deletion, CloudFormation deletes function and queue."""
        if self.stack != "deleting" or url != f"Delete {self._asked_at}":
            return
        self.stack = "off" if status == "SUCCESS" else "on"
        if self.stack == "off":
            self.queues.messages[QUEUE].clear()

    def _post(self, queue: str, body: str, delay: float = 0, may_be_lost: bool = False) -> None:
        if queue != QUEUE or self.stack != "off":
            super()._post(queue, body, delay, may_be_lost)

    # -- records --

    def _on_write(self, before: dict | None, after: dict | None) -> None:
        super()._on_write(before, after)
        if after is None or after["sk"]["S"] != "ENDPOINT":
            return
        old = {name: to_python(value) for name, value in (before or {}).items()}
        new = {name: to_python(value) for name, value in after.items()}
        name = new["name"]
        if new["refused"] and new["refused"] != old.get("refused"):
            ends = [kind for kind, *change in self.ended if change == [name, new["refused"]]]
            self.reports += [(kind, name) for kind in ends[-1:]]
            if not ends:
                self.wrong.append(f"{name}: {new['refused']} was refused, and SageMaker did neither undo nor fail it")
        if new["attempted"] and new["attempted"] == old.get("refused"):
            self.wrong.append(f"{name}: {new['attempted']} is tried again although it was refused")
        if new["stopped"] == IDLE != old.get("stopped"):
            self.reports.append((IDLE, name))


class Url:
    """What replaces urllib3 in the function: responses to CloudFormation come to the world that plays."""

    class PoolManager:
        def __init__(self, timeout: float):
            pass

        def request(self, method: str, url: str, body: bytes, headers: dict) -> Url:
            ServeWorld.current.respond_to_request(url, json.loads(body)["Status"])
            return Url()

    status = 200
