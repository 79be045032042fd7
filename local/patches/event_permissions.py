"""The condition key `events:source` of PutEvents: the sources of all entries, which ministack leaves out.

Source: the Service Authorization Reference of EventBridge, which lists it for PutEvents as an array of texts.
"""

from __future__ import annotations

import json

from ministack.core import iam_actions


def apply() -> None:
    """Add the key to the conditions that follow from a request."""
    read_tags = iam_actions.request_tag_context

    def read_conditions(service: str, iam_action: str, body: bytes, params: dict) -> dict:
        conditions: dict = read_tags(service, iam_action, body, params)
        if iam_action == "events:PutEvents":
            conditions = {**conditions, "events:source": _sources(body)}
        return conditions

    iam_actions.request_tag_context = read_conditions


def _sources(body: bytes) -> list[str]:
    return [str(entry.get("Source", "")) for entry in json.loads(body or b"{}").get("Entries", [])]
