"""The messages of serve: orders of a person, requests of CloudFormation, and events after which it looks at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from seqdrop.ledger.endpoint_record import PERSON
from seqdrop.runtime.events import UnknownEventError
from seqdrop.stages.serve.serve import order, serve
from seqdrop.stages.serve.stack_events import handle_stack_event

if TYPE_CHECKING:
    from seqdrop.runtime.messages import OrderMessage, ServeMessage, StackMessage
    from seqdrop.runtime.services import Services

SOURCES = ("aws.s3", "aws.sagemaker", "aws.events")  # a pointer, an endpoint, the schedule
STOPPED = {"start": "", "stop": PERSON}  # by the order of a message


def handle_message(services: Services, body: ServeMessage) -> None:
    """Do what a message asks for. An event only says that something changed, so all endpoints are looked at.

    Raise UnknownEventError for anything else.
    """
    if "RequestType" in body:
        return handle_stack_event(services, cast("StackMessage", body))
    if "order" in body:
        _order(services, cast("OrderMessage", body))
    elif body.get("source") not in SOURCES:
        raise UnknownEventError(f"not a message of serve: it has the keys {sorted(body)[:8]}")
    return serve(services)


def _order(services: Services, message: OrderMessage) -> None:
    for name in message["endpoints"]:
        order(services, name, STOPPED[message["order"]], message.get("by", ""))
