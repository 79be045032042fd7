"""User metadata, tags and headers of an object, as far as a response of GetObject tells: no request of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

OWN = "seqdrop-"  # user metadata that Seqdrop itself sets, and that has no use in the archive
FIELDS = frozenset({"CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage"})
HEADERS = frozenset({"cache-control", "content-disposition", "content-encoding", "content-language"})
METADATA, TAGS = "x-amz-meta-", "x-amz-tagging-count"


def has_labels(response: GetObjectOutputTypeDef) -> bool:
    """Return True if an object has user metadata, tags, or a header that says how to read it.

    The content type does not count: S3 and its clients give every object one. S3 tells the number of tags only if the
    caller may read them (s3:GetObjectVersionTagging). It does not tell of annotations.
    """
    metadata = response.get("Metadata")
    if metadata and not all(name.startswith(OWN) for name in metadata):
        return True
    return bool(response.get("TagCount")) or not FIELDS.isdisjoint(response)


def names_labels(headers: Mapping[str, str]) -> bool:
    """Return the same of the headers of S3's response."""
    names = {name.lower() for name in headers}
    if not HEADERS.isdisjoint(names) or headers.get(TAGS, "0") != "0":
        return True
    return any(name.startswith(METADATA) and not name.startswith(METADATA + OWN) for name in names)
