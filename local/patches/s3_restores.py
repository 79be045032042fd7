"""Errors of RestoreObject that ministack lacks: a tier that the class does not have, a version it cannot restore."""

from defusedxml.ElementTree import ParseError, fromstring
from ministack.services import s3

from local.patches.s3_checksums import find_object

NO_TIER = "Retrieval option is not supported by this storage class"


def apply() -> None:
    """Check a restore before ministack starts it."""
    restore, dispatch = s3._restore_object, s3._dispatch

    def restore_object(bucket_name: str, key: str, body: bytes) -> tuple:
        if find_object(bucket_name, key).get("storage_class") == "DEEP_ARCHIVE" and _tier(body) == "Expedited":
            return s3._error("InvalidArgument", NO_TIER, 400, f"/{bucket_name}/{key}")
        return restore(bucket_name, key, body)

    def dispatch_restore(method: str, bucket: str, key: str, headers: dict, body: bytes, query: dict) -> tuple:
        version = s3._qp(query, "versionId")
        if method == "POST" and "restore" in query and version:
            refusal = _refuse_version(bucket, key, version)
            if refusal:
                return refusal
        return dispatch(method, bucket, key, headers, body, query)

    s3._restore_object, s3._dispatch = restore_object, dispatch_restore


def _refuse_version(bucket: str, key: str, version: str) -> tuple | None:
    """Return the error for a version other than the current one; None for the current one.

    ministack restores the current version only, and must not restore it in place of another.
    """
    if find_object(bucket, key).get("version_id") == version:
        return None
    if any(entry["version_id"] == version for entry in s3._object_versions.get((bucket, key), [])):
        return s3._error(
            "NotImplemented", "The embedded AWS restores the current version only", 501, f"/{bucket}/{key}"
        )
    return s3._error("NoSuchVersion", "The specified version does not exist.", 404, f"/{bucket}/{key}")


def _tier(body: bytes) -> str:
    try:
        elements = fromstring(body).iter()
    except ParseError:
        return ""
    return next((element.text for element in elements if element.tag.rpartition("}")[2] == "Tier"), "")
