"""Requests of CloudFormation to the custom resource: endpoints follow a deploy, and none outlives the stack.

CloudFormation waits for a response at a signed URL. A deletion may take minutes, so its request waits in the queue of
serve, not in a running function.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

import urllib3
from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws.errors import is_denied
from seqdrop.errors import ConfigurationError, RetryableError
from seqdrop.runtime.log import logger
from seqdrop.runtime.messages import make_advance_message
from seqdrop.sagemaker.serving import check_stack
from seqdrop.stages.serve.removal import remove_all, switch

if TYPE_CHECKING:
    from seqdrop.runtime.messages import StackMessage
    from seqdrop.runtime.services import Services

PATIENCE = timedelta(minutes=50)  # for a deletion; CloudFormation waits for an hour
PAUSE = 30  # seconds between two looks at a deletion


class ResponseError(RetryableError):
    """CloudFormation's URL did not accept the response."""


class Response(TypedDict):
    """What CloudFormation reads at the URL."""

    Status: str
    Reason: str
    PhysicalResourceId: str
    StackId: str
    RequestId: str
    LogicalResourceId: str


def queue_request(services: Services, message: StackMessage) -> None:
    """Put a request of CloudFormation into the queue of serve, with its time: messages come in any order."""
    services.send(services.settings.serve_queue, {**message, "at": clock.utc_now().isoformat()})


def handle_stack_event(services: Services, message: StackMessage) -> None:
    """Do what CloudFormation asks for, and respond; or send the message to the queue again if it is not done yet.

    A deploy does not wait for its endpoints: there may be no model yet, and a new one takes minutes.
    """
    if message["RequestType"] == "Delete":
        return _delete(services, message)
    try:
        check_stack(services.settings.stack)
    except ConfigurationError as error:
        return respond(message, "FAILED", str(error))
    if not switch(services, message["at"], off=False):
        return _ignore(message)
    services.send(services.settings.serve_queue, make_advance_message())
    return respond(message, "SUCCESS")


def _delete(services: Services, message: StackMessage) -> None:
    try:
        if not switch(services, message["at"], off=True):
            return _ignore(message)
        left = remove_all(services)
    except ClientError as error:
        if is_denied(error) or _is_late(message):
            return respond(message, "FAILED", str(error))
        logger().exception("endpoints could not be deleted yet")
        return _continue(services, message)
    if not left:
        return respond(message, "SUCCESS")
    if _is_late(message):
        reason = f"SageMaker has not deleted these endpoints: {', '.join(left)}; delete the stack again"
        return respond(message, "FAILED", reason)
    return _continue(services, message)


def _is_late(message: StackMessage) -> bool:
    return clock.utc_now() - datetime.fromisoformat(message["at"]) > PATIENCE


def _continue(services: Services, message: StackMessage) -> None:
    services.send(services.settings.serve_queue, message, PAUSE)


def _ignore(message: StackMessage) -> None:
    """Leave a request without a response: CloudFormation has sent a later one since, so it does not wait for this."""
    logger().info("a later request of CloudFormation was handled before", extra={"request": message["RequestType"]})


def respond(message: StackMessage, status: str, reason: str = "") -> None:
    """Write the response to CloudFormation's URL. Raise an error unless it is accepted."""
    content: Response = {
        "Status": status,
        "Reason": reason[:1000] or "done",
        # Always the same: another id would make CloudFormation delete the earlier resource.
        "PhysicalResourceId": message.get("PhysicalResourceId") or f"{message['LogicalResourceId']}-endpoints",
        "StackId": message["StackId"],
        "RequestId": message["RequestId"],
        "LogicalResourceId": message["LogicalResourceId"],
    }
    body = json.dumps(content).encode()
    headers = {"Content-Type": ""}  # the signature of the URL does not allow another
    response = urllib3.PoolManager(timeout=30).request("PUT", message["ResponseURL"], body=body, headers=headers)
    if response.status >= 300:
        raise ResponseError(f"CloudFormation's URL responded with status {response.status}")
    logger().info("responded to CloudFormation", extra={"request": message["RequestType"], "status": status})
