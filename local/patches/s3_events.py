"""The version id, and the terms of a restore, in EventBridge events of S3, as the service itself sends them.

Without the version id an upload has no identity: two writes of the same key would be the same upload.
"""

import contextvars
import datetime
import json

from ministack.services import eventbridge, s3

# The record of the object version that a restore is about; the current one if none is set.
restored: contextvars.ContextVar[dict | None] = contextvars.ContextVar("restored_version", default=None)
_additions: contextvars.ContextVar[dict | None] = contextvars.ContextVar("s3_event_additions", default=None)


def apply() -> None:
    """Add the data that is known when an event is fired to the detail that EventBridge receives."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_additions(
        bucket_name: str, key: str, event_name: str, *arguments: object, **options: object
    ) -> object:
        token = _additions.set(_describe(bucket_name, key, event_name, options.get("version_id")))
        try:
            return fire(bucket_name, key, event_name, *arguments, **options)
        finally:
            _additions.reset(token)

    def dispatch_with_additions(event: dict, *arguments: object, **options: object) -> object:
        if event.get("Source") == "aws.s3" and (additions := _additions.get()):
            event = {**event, "Detail": _extend(event["Detail"], additions)}
        return dispatch(event, *arguments, **options)

    s3._fire_s3_event, eventbridge._dispatch_event = fire_with_additions, dispatch_with_additions


def _describe(bucket: str, key: str, event_name: str, version: str | None) -> dict:
    """Return the additions to the detail; those under "object" are for the detail's object."""
    current = ((s3._buckets.get(bucket) or {}).get("objects") or {}).get(key) or {}
    if not event_name.startswith("s3:ObjectRestore:"):
        return {"object": {"version-id": version}} if version else {}
    current = restored.get() or current
    known = {"requester": "s3.amazonaws.com", "source-storage-class": current.get("storage_class", "STANDARD")}
    if current.get("version_id"):
        known["object"] = {"version-id": current["version_id"]}
    if event_name.endswith(":Completed") and current.get("restore"):
        known["restore-expiry-time"] = _iso(current["restore"]["expires_at"])
    return known


def _extend(detail: str, additions: dict) -> str:
    document = json.loads(detail)
    content = {**document["object"], **additions.get("object", {})}
    if document.get("deletion-type"):
        content.pop("size", None)  # a deletion has no size
    return json.dumps({**document, **additions, "object": content})


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
