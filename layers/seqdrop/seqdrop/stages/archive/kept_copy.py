"""The copy of an archived upload that was sent again: whether it is still there, and will be."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.archive.storage_classes import storage_class
from seqdrop.stages.archive.bundled_copy import (
    head_bundle,
    is_bundled,
    list_bundle_differences,
    read_bundled_copy,
)
from seqdrop.stages.archive.cold_copy import head_copy, list_differences
from seqdrop.stages.archive.receipts import read_copy_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def is_kept(services: Services, upload: Upload) -> bool:
    """Return True if the copy of an ARCHIVED upload is the current version of its key, unchanged, and stays.

    Its size, storage class, checksum and, if the receipt has it, version id are compared. A delete marker above it, a
    version above it, or a lifecycle rule that removes it within the minimum days of its class mean that it cannot be
    relied on. Of a file in a bundle, the tar is compared.
    """
    if is_bundled(upload):
        return _is_kept_in_bundle(services, upload)
    head = head_copy(services.s3, upload, services.settings.archive)
    if head is None or list_differences(upload, head):
        return False
    recorded = read_copy_version(services, upload)
    return recorded in (None, head.get("VersionId")) and not _expires(head, upload)


def _is_kept_in_bundle(services: Services, upload: Upload) -> bool:
    """Return True if the tar that has the file is the current version of its key, unchanged, and stays."""
    copy, head = read_bundled_copy(services, upload), head_bundle(services, upload.archive_key)
    if copy is None or head is None or list_bundle_differences(copy, head):
        return False
    return not _expires(head, upload)


def _expires(head: Mapping[str, object], upload: Upload) -> bool:
    """Return True if S3 removes the object before a new copy could be deleted without costs."""
    expiration = str(head.get("Expiration", ""))
    if not expiration:
        return False
    date = re.search(r'expiry-date="([^"]+)"', expiration)
    minimum = timedelta(days=storage_class(upload.storage_class).minimum_days)
    return date is None or parsedate_to_datetime(date[1]) < clock.utc_now() + minimum
