"""The online store: the latest record of each identifier, which survives when the service is killed."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.sagemaker.features.records import FeatureGroup
    from local.sagemaker.store import Store


class OnlineStore:
    """Records by group and identifier. A soft-deleted record keeps its event time, and has no values."""

    def __init__(self, store: Store) -> None:
        self._store, self._lock = store, threading.Lock()

    def put(self, group: FeatureGroup, identifier: str, record: dict) -> bool:
        """Write a record if its event time is greater than that of the stored one; return whether it was written.

        `record` has `values`, `seconds` (the event time), `deleted` and `expires` (seconds, or None).
        """
        with self._lock:
            old = self._read(group, identifier)
            if old is not None and record["seconds"] <= old["seconds"]:
                return False
            self._store.put(_key(group, identifier), record)
            return True

    def get(self, group: FeatureGroup, identifier: str) -> dict | None:
        """Return a record that is neither deleted nor expired; None if there is none."""
        record = self._read(group, identifier)
        return None if record is None or record["deleted"] else record

    def remove(self, group: FeatureGroup, identifier: str, seconds: float) -> bool:
        """Remove a record whose event time is before `seconds`; return whether that was so."""
        with self._lock:
            old = self._read(group, identifier)
            if old is not None and seconds <= old["seconds"]:
                return False
            self._store.remove(_key(group, identifier))
            return True

    def clear(self, group: FeatureGroup) -> None:
        """Remove all records of a group."""
        self._store.remove_below(_scope(group))

    def _read(self, group: FeatureGroup, identifier: str) -> dict | None:
        record = self._store.get(_key(group, identifier))
        if record is None or (record["expires"] is not None and record["expires"] <= time.time()):
            return None
        return record


def _scope(group: FeatureGroup) -> tuple[str, str, str]:
    return group.account, group.region, group.instance


def _key(group: FeatureGroup, identifier: str) -> tuple[str, ...]:
    """Return the key of a record; identifiers may have any characters and length, which names of files may not."""
    return *_scope(group), hashlib.sha256(identifier.encode()).hexdigest()
