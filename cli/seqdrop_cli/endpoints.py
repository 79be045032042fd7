"""The endpoints of a stack for people: a list with their state and cost, and orders to start or stop one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws.prices import hourly_price
from seqdrop.kinds.plans import packaged
from seqdrop.sagemaker.endpoint_names import async_endpoint_name, endpoint_name
from seqdrop.sagemaker.endpoints import IN_SERVICE, describe_endpoint, list_owned

from seqdrop_cli.console import note, print_table
from seqdrop_cli.errors import CommandError
from seqdrop_cli.model_versions import find_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.ledger.endpoint_record import EndpointRecord
    from seqdrop.runtime.messages import OrderMessage
    from seqdrop.sagemaker.endpoints import EndpointState

    from seqdrop_cli.target import Target

QUEUE = "ServeQueue"  # in template.yaml
TITLES = ("endpoint", "state", "instances", "US dollars an hour", "since", "remark")
POLL = 15.0  # seconds
PATIENCE = 3600.0  # seconds until --wait gives up
NONE = "-"


@dataclass(frozen=True)
class Row:
    """An endpoint: what SageMaker says of it (None: it does not exist), and what the ledger has of it."""

    name: str
    state: EndpointState | None
    record: EndpointRecord
    instance_type: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return its cells under TITLES."""
        if self.state is None:
            return (self.name, "none", NONE, NONE, NONE, self._remark())
        instances = f"{self.state.instances} {self.instance_type}".strip()
        return (self.name, self.state.status, instances, self._price(), self.state.created[:16], self._remark())

    def _price(self) -> str:
        price = hourly_price(self.instance_type) if self.instance_type else None
        return NONE if price is None or self.state is None else f"{price * self.state.instances:.2f}"

    def _remark(self) -> str:
        if self.record.stopped:
            return "stopped, because it was idle" if self.record.stopped == "idle" else "stopped by a person"
        if self.record.refused:
            return f"refused: {self.record.refused}: {self.record.reason}"
        return self.state.reason if self.state else ""


def find_queue(target: Target) -> str:
    """Return the URL of the queue of serve. Raise CommandError if the stack has no endpoints."""
    url = target.queues().get(QUEUE)
    if url is None:
        raise CommandError(
            f"the stack {target.stack} has no endpoints: deploy it with Endpoints=true (docs/endpoints.md)"
        )
    return url


def names_of(stack: str, wanted: str) -> list[str]:
    """Return the names of the endpoints that a person means: an endpoint itself, or those of an analysis.

    Raise CommandError if the analyses.toml of this checkout has no such analysis, or no endpoint for it.
    """
    names = dict(_list_names(stack))
    chosen = [name for name, analysis in names.items() if wanted in (name, analysis)]
    if not chosen:
        known = ", ".join(sorted(set(names.values()))) or "none"
        raise CommandError(
            f"analyses.toml of this checkout has no endpoint {wanted!r}; analyses with an endpoint: {known} "
            "(docs/endpoints.md says how to add one)"
        )
    return chosen


def _list_names(stack: str) -> Iterator[tuple[str, str]]:
    for analysis in packaged().by_name.values():
        if analysis.endpoint is not None:
            yield endpoint_name(stack, analysis.name), analysis.name
        if analysis.is_async:
            yield async_endpoint_name(stack, analysis.name), analysis.name


def show_endpoints(target: Target) -> None:
    """Print every endpoint of the stack, and those that analyses.toml asks for."""
    find_queue(target)
    sagemaker, ledger = target.client("sagemaker"), target.ledger()
    names = {name for name, _ in _list_names(target.stack)} | set(list_owned(sagemaker, target.stack))
    rows = []
    for name in sorted(names):
        state = describe_endpoint(sagemaker, name)
        rows.append(Row(name, state, ledger.endpoint(name), _instance_type(target, state)))
    print_table(TITLES, [row.cells() for row in rows])


def _instance_type(target: Target, state: EndpointState | None) -> str:
    if state is None or not state.configuration:
        return ""
    response = target.client("sagemaker").describe_endpoint_config(EndpointConfigName=state.configuration)
    return response["ProductionVariants"][0].get("InstanceType", "")


def send_order(target: Target, names: list[str], order: str) -> None:
    """Have serve start or stop endpoints; the state that the order asks for is reached later."""
    queue = find_queue(target)
    message: OrderMessage = {"order": order, "endpoints": names, "by": find_caller(target)}
    target.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(message))


def wait(target: Target, names: list[str], order: str, sleep: Callable[[float], None] = time.sleep) -> int:
    """Wait until all endpoints are in service, or are gone; return the exit status: 1 if one cannot be."""
    sagemaker, ledger = target.client("sagemaker"), target.ledger()
    open_, waited = list(names), 0.0
    while open_ and waited <= PATIENCE:
        states = {name: describe_endpoint(sagemaker, name) for name in open_}
        open_ = [name for name, state in states.items() if not _is_reached(state, order)]
        refused = [name for name in open_ if ledger.endpoint(name).refused]
        if order == "start" and refused:
            note(f"{', '.join(refused)}: refused; `seqdrop endpoint list` shows why")
            return 1
        if open_:
            sleep(POLL)
            waited += POLL
    return 1 if open_ else 0


def _is_reached(state: EndpointState | None, order: str) -> bool:
    return state is None if order == "stop" else state is not None and state.status == IN_SERVICE
