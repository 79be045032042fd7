"""When the landing version of an archived upload is to be removed: the record of an analysis with `keep_days`.

It is written in the transaction that moves the upload to ARCHIVED. The index `by_state` has it under KEPT, ordered by
the time when it is due, until the version was removed; then it leaves the index, and expires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item

KEPT = "landing#KEPT"  # the value of the index's partition key


@dataclass(frozen=True)
class KeptVersion:
    """The landing version of an archived upload, and when it is due to be removed.

    `due_at` is "" when it was removed. A record that is not in the table yet has revision 0.
    """

    upload: str
    due_at: str = ""
    expires_at: int = 0  # seconds since 1970, for time-to-live; 0 while the version is kept
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key."""
        return {"pk": f"KEPT#{self.upload}", "sk": "KEPT"}

    def until(self, due_at: str) -> KeptVersion:
        """Return this record with another time."""
        return replace(self, due_at=due_at)

    def removed(self, expires_at: int) -> KeptVersion:
        """Return this record after the removal of the version; it expires at a time in seconds since 1970."""
        return replace(self, due_at="", expires_at=expires_at)

    def item(self) -> Item:
        """Return the item to store."""
        item: Item = {**self.keys, "upload": self.upload, "revision": self.revision}
        return item | (
            {"kind_state": KEPT, "moved_at": self.due_at} if self.due_at else {"expires_at": self.expires_at}
        )

    def with_item(self, item: Item) -> KeptVersion:
        """Return this record with the content of its stored item."""
        expires_at, revision = int(item.get("expires_at", 0)), int(item["revision"])
        return replace(self, due_at=item.get("moved_at", ""), expires_at=expires_at, revision=revision)
