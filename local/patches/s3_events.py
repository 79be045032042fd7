"""EventBridge events of S3 name the object's version, and a restore's terms, as the service's own do.

Without the version an upload has no identity: two writes of one key would be one upload.
"""

import contextvars
import datetime
import json

from ministack.services import eventbridge, s3

_additions: contextvars.ContextVar[dict | None] = contextvars.ContextVar("s3_event_additions", default=None)


def apply() -> None:
    """Have what is known when an event is fired reach the detail that EventBridge is given."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_additions(bucket_name, key, event_name, *arguments, **named):
        token = _additions.set(_known(bucket_name, key, event_name, named.get("version_id")))
        try:
            return fire(bucket_name, key, event_name, *arguments, **named)
        finally:
            _additions.reset(token)

    def dispatch_with_additions(event, *arguments, **named):
        if event.get("Source") == "aws.s3" and (additions := _additions.get()):
            event = {**event, "Detail": _extended(event["Detail"], additions)}
        return dispatch(event, *arguments, **named)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with_additions, dispatch_with_additions


def _known(bucket: str, key: str, event_name: str, version: str | None) -> dict:
    """What to add: to the detail's object under "object", to the detail itself otherwise."""
    current = ((s3._buckets.get(bucket) or {}).get("objects") or {}).get(key) or {}
    if not event_name.startswith("s3:ObjectRestore:"):
        return {"object": {"version-id": version}} if version else {}
    known = {"requester": "s3.amazonaws.com", "source-storage-class": current.get("storage_class", "STANDARD")}
    if current.get("version_id"):
        known["object"] = {"version-id": current["version_id"]}
    if event_name.endswith(":Completed") and current.get("restore"):
        known["restore-expiry-time"] = _iso(current["restore"]["expires_at"])
    return known


def _extended(detail: str, additions: dict) -> str:
    document = json.loads(detail)
    content = {**document["object"], **additions.get("object", {})}
    if document.get("deletion-type"):
        content.pop("size", None)  # a deletion has no size
    return json.dumps({**document, **additions, "object": content})


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
