"""The copy of an archived upload that was sent again: whether it is still there, and will be."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.archive.storage_classes import storage_class
from seqdrop.stages.archive.cold_copy import head_copy, list_differences
from seqdrop.stages.archive.receipts import read_copy_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def is_kept(services: Services, upload: Upload) -> bool:
    """Return True if the copy of an ARCHIVED upload is the current version of its key, unchanged, and stays.

    Its size, storage class, checksum and, if the receipt has it, version id are compared. A delete marker above it, a
    version above it, or a lifecycle rule that removes it within the minimum days of its class
    mean that it cannot be relied on.
    """
    head = head_copy(services.s3, upload, services.settings.archive)
    if head is None or list_differences(upload, head):
        return False
    recorded = read_copy_version(services, upload)
    return recorded in (None, head.get("VersionId")) and not _expires(head, upload)


def _expires(head: Mapping[str, object], upload: Upload) -> bool:
    """Return True if S3 removes the object before a new copy could be deleted without costs."""
    expiration = str(head.get("Expiration", ""))
    if not expiration:
        return False
    date = re.search(r'expiry-date="([^"]+)"', expiration)
    minimum = timedelta(days=storage_class(upload.storage_class).minimum_days)
    return date is None or parsedate_to_datetime(date[1]) < clock.utc_now() + minimum
