"""Which upload has the archived copy of a file: the record by which a file that is sent again is recognised.

The key is a hash of bucket, key, size and SHA-256. The archive function claims the record for an upload before it makes
a copy, so that two uploads with equal bytes are never copied at the same time, and writes it again in the transaction
that moves the upload to ARCHIVED. The reconciler writes it for uploads that earlier versions archived. It expires with
the upload's own record.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item, Upload


@dataclass(frozen=True)
class ArchivedFile:
    """The upload that has the archived copy of a file, or is about to make it.

    `name` identifies the file. `upload` is "" if the upload that had the copy cannot be relied on any more, because the
    copy was deleted. A record that is not in the table yet has revision 0.
    """

    name: str
    upload: str = ""
    expires_at: int = 0  # seconds since 1970, for time-to-live; 0: the record is kept
    revision: int = 0

    @classmethod
    def of(cls, upload: Upload, sha256: str = "") -> ArchivedFile:
        """Return the empty record of an upload's file. `sha256` is used if the upload has none yet."""
        return cls.of_file(upload.bucket, upload.key, upload.size, upload.sha256 or sha256)

    @classmethod
    def of_file(cls, bucket: str, key: str, size: int, sha256: str) -> ArchivedFile:
        """Return the empty record of a file. Bucket and key are those of the landing bucket; `sha256` is hexadecimal.

        The parts are joined by NUL, which none of them can contain.
        """
        return cls(hashlib.sha256("\0".join((bucket, key, str(size), sha256)).encode()).hexdigest())

    @property
    def keys(self) -> dict[str, str]:
        """The primary key. It has no name of a file in it, and any length of key fits."""
        return {"pk": f"ARCHIVED#{self.name}", "sk": "ARCHIVED"}

    def with_upload(self, upload_id: str, expires_at: int = 0) -> ArchivedFile:
        """Return this record with another upload."""
        return replace(self, upload=upload_id, expires_at=expires_at)

    def item(self) -> Item:
        """Return the item to store."""
        item: Item = {**self.keys, "name": self.name, "upload": self.upload, "revision": self.revision}
        return {**item, "expires_at": self.expires_at} if self.expires_at else item

    def with_item(self, item: Item) -> ArchivedFile:
        """Return this record with the content of its stored item."""
        return replace(
            self, upload=item["upload"], expires_at=int(item.get("expires_at", 0)), revision=int(item["revision"])
        )
