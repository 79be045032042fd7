"""RestoreObject as S3 does it: for each version by itself, without tiers that its class lacks, and with one end.

ministack keeps a restore with the current object of a key. Here it is kept with the version, so that an older version
can be restored and read, and a restore goes on if a newer object is written meanwhile.
"""

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator

from defusedxml.ElementTree import ParseError, fromstring
from ministack.services import s3

from local.patches.s3_checksums import find_object
from local.patches.s3_events import restored

NO_TIER = "Retrieval option is not supported by this storage class"
COMPLETED, EXPIRED = "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete"


def apply() -> None:
    """Replace the operation, its timers, and the reads of older versions."""
    restore, dispatch, get, to_object = (
        s3._restore_object,
        s3._dispatch,
        s3._get_object,
        s3._object_record_from_version,
    )

    def dispatch_restore(method: str, bucket: str, key: str, headers: dict, body: bytes, query: dict) -> tuple:
        if method == "POST" and "restore" in query and bucket in s3._buckets:
            return _restore(restore, bucket, key, s3._qp(query, "versionId") or "", body)
        return dispatch(method, bucket, key, headers, body, query)

    def get_object(bucket_name: str, key: str, headers: dict, query_params: dict | None = None) -> tuple:
        entry = _find_entry(bucket_name, key, s3._qp(query_params or {}, "versionId", ""))
        storage_class = (entry or {}).get("storage_class")
        if not entry or _phase(bucket_name, key, entry) != "restored":
            return get(bucket_name, key, headers, query_params)
        entry["storage_class"] = None  # ministack refuses every older version of such a class
        try:
            status, response_headers, body = get(bucket_name, key, headers, query_params)
        finally:
            entry["storage_class"] = storage_class
        return status, {**response_headers, "x-amz-storage-class": storage_class}, body

    def object_record(version: dict) -> dict:
        return to_object(version) | ({"restore": version["restore"]} if version.get("restore") else {})

    s3._dispatch, s3._get_object, s3._object_record_from_version = dispatch_restore, get_object, object_record
    s3._sync_restore = _phase
    s3._schedule_restore_completed = _schedule_completed
    s3._schedule_restore_expiry = _schedule_expiry


def _restore(restore: Callable[[str, str, bytes], tuple], bucket: str, key: str, version: str, body: bytes) -> tuple:
    """Restore a version; the current one if none is named."""
    current = find_object(bucket, key)
    is_current = not version or version == (current.get("version_id") or "null")
    entry = _find_entry(bucket, key, version or current.get("version_id") or "")
    if not is_current and entry is None:
        return s3._error("NoSuchVersion", "The specified version does not exist.", 404, f"/{bucket}/{key}")
    record = current if is_current else s3._object_record_from_version(entry)
    if record.get("storage_class") == "DEEP_ARCHIVE" and _tier(body) == "Expedited":
        return s3._error("InvalidArgument", NO_TIER, 400, f"/{bucket}/{key}")
    token = restored.set(record)
    try:
        with _as_current(bucket, key, record):
            response = restore(bucket, key, body)
            if entry is not None and record.get("restore"):
                entry["restore"] = record["restore"]
            return response
    finally:
        restored.reset(token)


@contextlib.contextmanager
def _as_current(bucket: str, key: str, record: dict) -> Iterator[None]:
    """Let ministack, which restores the current object only, find this record there for the length of one call."""
    objects = s3._buckets[bucket]["objects"]
    current = objects.get(key)
    if record:
        objects[key] = record
    try:
        yield
    finally:
        if current is not None:
            objects[key] = current
        elif record:
            del objects[key]


def expire(bucket: str, key: str, version: str) -> bool:
    """End the restored copy of a version now (of the current one if "" is named); return False if there is none."""
    current = find_object(bucket, key)
    holder = _find_entry(bucket, key, version or current.get("version_id") or "") or current
    if not holder.get("restore"):
        return False
    holder["restore"] |= {"available_at": 0, "expires_at": 0}
    _phase(bucket, key, holder)
    return True


def _phase(bucket: str, key: str, record: dict | None) -> str | None:
    """Return "in_progress", "restored", or None; a restored copy whose days are over ends here."""
    terms = (record or {}).get("restore")
    if not terms:
        return None
    now = time.time()
    if now < terms["available_at"]:
        return "in_progress"
    if now < terms["expires_at"]:
        return "restored"
    for holder in _find_holders(bucket, key, terms):
        del holder["restore"]
    record.pop("restore", None)
    if not terms.setdefault("expired_fired", False):
        terms["expired_fired"] = True
        token = restored.set(dict(record))
        _fire_later(bucket, key, EXPIRED, record)
        restored.reset(token)
    return None


def _find_entry(bucket: str, key: str, version: str) -> dict | None:
    entries = s3._object_versions.get((bucket, key), []) if version else []
    return next(
        (entry for entry in entries if entry["version_id"] == version and not entry.get("is_delete_marker")), None
    )


def _find_holders(bucket: str, key: str, terms: dict) -> list[dict]:
    """Return the records that have this restore: the object's, its version's, or both. Empty once it was deleted."""
    if bucket not in s3._buckets:
        return []
    records = [find_object(bucket, key), *s3._object_versions.get((bucket, key), [])]
    return [record for record in records if record.get("restore") is terms]


def _schedule_completed(bucket: str, key: str, _requested_at: float) -> None:
    """Announce the restore when it is complete, unless its version was deleted."""

    def complete(terms: dict) -> None:
        terms["completed_fired"] = True
        _fire(bucket, key, COMPLETED, restored.get(), terms)

    _at(bucket, key, "available_at", complete)


def _schedule_expiry(bucket: str, key: str, _expires_at: float) -> None:
    """End the restored copy when its days are over, unless they were extended."""
    _at(bucket, key, "expires_at", lambda _: _phase(bucket, key, restored.get()))


def _at(bucket: str, key: str, moment: str, work: Callable[[dict], object]) -> None:
    """Do the work at a moment of the restore that begins or changes now, if it is still that moment by then."""
    record = restored.get()
    terms = record["restore"]
    time_of, context = terms[moment], contextvars.copy_context()

    def wait() -> None:
        time.sleep(max(time_of - time.time(), 0))
        if terms[moment] == time_of and _find_holders(bucket, key, terms):
            work(terms)

    threading.Thread(target=context.run, args=(wait,), daemon=True).start()


def _fire_later(bucket: str, key: str, name: str, record: dict) -> None:
    s3._fire_s3_event_async(bucket, key, name, size=record.get("size", 0), etag=record.get("etag", ""))


def _fire(bucket: str, key: str, name: str, record: dict, terms: dict) -> None:
    data = {
        "lifecycleRestorationExpiryTime": s3._restore_expiry_iso(terms["expires_at"]),
        "lifecycleRestoreStorageClass": record.get("storage_class") or "GLACIER",
    }
    s3._fire_s3_event(
        bucket, key, name, size=record.get("size", 0), etag=record.get("etag", ""), restore_event_data=data
    )


def _tier(body: bytes) -> str:
    try:
        elements = fromstring(body).iter()
    except ParseError:
        return ""
    return next((element.text for element in elements if element.tag.rpartition("}")[2] == "Tier"), "")
