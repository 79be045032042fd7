"""Responses of List operations: filtered, sorted, and one page at a time."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from local.sagemaker.job_records import Job
    from local.sagemaker.model_records import Model

DEFAULT_PAGE = 10
FAR_FUTURE = float("inf")


def is_created_between(resource: Model | Job, request: dict) -> bool:
    """Return True if a resource was created within the bounds that a request sets."""
    after, before = request.get("CreationTimeAfter", 0), request.get("CreationTimeBefore", FAR_FUTURE)
    return after <= resource.created <= before


def select(summaries: list[dict], request: dict, name: str) -> list[dict]:
    """Return the summaries whose name matches, in the requested order; the default is newest first."""
    part = request.get("NameContains", "").lower()
    status = name.removesuffix("Name") + "Status"
    fields = {"Name": name, "CreationTime": "CreationTime", "Status": status, status: status}
    key = fields[request.get("SortBy", "CreationTime")]
    matches = [summary for summary in summaries if part in summary[name].lower()]
    return sorted(
        matches,
        key=lambda summary: (summary[key], summary["CreationTime"]),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )


def make_page(member: str, items: list, request: dict) -> dict:
    """Return the page at the request's NextToken, with the token of the next page if there is one."""
    start = _position(request.get("NextToken"))
    end = start + request.get("MaxResults", DEFAULT_PAGE)
    more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return {member: items[start:end], **more}


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise ValidationError("Invalid NextToken") from error
