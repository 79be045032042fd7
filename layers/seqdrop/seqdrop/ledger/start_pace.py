"""The pace of starts in HealthOmics: its record has the time at which the next run may be started.

StartRun allows 0.1 requests a second by default. A job reserves its time in the transaction that advances the record,
so jobs that arrive together get different times, and no crash makes two of them start at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item


@dataclass(frozen=True)
class StartPace:
    """`free_at` is the first time that no job has reserved, ISO 8601; "" before the first."""

    free_at: str = ""
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key of the only such record."""
        return {"pk": "START_PACE", "sk": "START_PACE"}

    def with_free(self, time: str) -> StartPace:
        """Return the record after the times before this one were reserved."""
        return replace(self, free_at=time)

    def item(self) -> Item:
        """Return the item to store."""
        return {**self.keys, "free_at": self.free_at, "revision": self.revision}

    def with_item(self, item: Item) -> StartPace:
        """Return the record with the content of its stored item."""
        return StartPace(str(item["free_at"]), int(item["revision"]))
