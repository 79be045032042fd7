"""Lists as AWS gives them: filtered, sorted, a page at a time."""

import base64

from local.sagemaker.errors import ValidationError

DEFAULT_PAGE = 10
FAR_FUTURE = float("inf")


def created_between(resource, request: dict) -> bool:
    """Whether a resource was made within the bounds that a request sets."""
    after, before = request.get("CreationTimeAfter", 0), request.get("CreationTimeBefore", FAR_FUTURE)
    return after <= resource.created <= before


def select(summaries: list[dict], request: dict, name: str) -> list[dict]:
    """The summaries whose name fits, in the order asked for; newest first when nothing is asked."""
    wanted = request.get("NameContains", "").lower()
    fields = {"Name": name, "CreationTime": "CreationTime", "Status": name.removesuffix("Name") + "Status"}
    key = fields[request.get("SortBy", "CreationTime")]
    fitting = [summary for summary in summaries if wanted in summary[name].lower()]
    return sorted(
        fitting,
        key=lambda summary: (summary[key], summary["CreationTime"]),
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )


def page(member: str, items: list, request: dict) -> dict:
    """The page that the request's NextToken points to, with the token of the next one if there is more."""
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
