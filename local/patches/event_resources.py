"""Resources of CloudFormation that ministack serves by its API only: archives, connections and API destinations.

Each is made by the operation of EventBridge that has the same parameters as the resource has properties. Names that a
template leaves out are made of the stack's and the resource's.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

# The resource, the operations that create and delete it, and the property that names it.
RESOURCES = {
    "AWS::Events::Archive": ("archive", "ArchiveName"),
    "AWS::Events::Connection": ("connection", "Name"),
    "AWS::Events::ApiDestination": ("api_destination", "Name"),
}
NUMBERS = ("InvocationRateLimitPerSecond", "RetentionDays")


def apply() -> None:
    """Register the resources."""
    for kind, (what, name) in RESOURCES.items():
        provisioners._RESOURCE_HANDLERS[kind] = {
            "create": partial(_create, what, name),
            "delete": partial(_delete, what, name),
        }


def _create(what: str, name: str, logical_id: str, props: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
    own = props.get(name) or provisioners._physical_name(stack, logical_id, max_len=48)
    data = {key: int(value) if key in NUMBERS else value for key, value in {**props, name: own}.items()}
    if what == "archive":
        data["EventSourceArn"] = data.pop("SourceArn")
    status, _, body = getattr(eventbridge, f"_create_{what}")(data)
    content = json.loads(body)
    if status >= 400:
        raise ValueError(f"{logical_id}: {content}")
    arn = next(
        value for key, value in content.items() if key.endswith("Arn") and f":{what.replace('_', '-')}/" in value
    )
    return own, {"Arn": arn, name: own}


def _delete(what: str, name: str, physical_id: str, props: dict[str, Any]) -> None:  # noqa: ARG001 - as ministack calls it
    getattr(eventbridge, f"_delete_{what}")({name: physical_id})
