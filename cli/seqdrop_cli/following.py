"""The repeated reading of many uploads, for at most two hundredths of a core's time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied

from seqdrop_cli.progress import Progress, read_progress

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.uploads import UploadVersion

SHORTEST, LONGEST = 0.5, 5.0  # seconds between two readings of the ledger
SHARE = 0.02  # of a core
MOST = 50  # uploads whose attempts are read in one reading, although the upload's own record has not changed


@dataclass
class ReadingPace:
    """The pauses between readings: longer while nothing changes, and long enough for the share of a core."""

    pause: float = SHORTEST
    _spent: float = field(default_factory=time.process_time)

    def find_pause(self, has_changed: bool) -> float:
        """Return the seconds until the next reading. The CPU time since the last call counts."""
        now = time.process_time()
        spent, self._spent = now - self._spent, now
        self.pause = SHORTEST if has_changed else min(2 * self.pause, LONGEST)
        return max(self.pause, spent / SHARE - spent)


class Following:
    """The progress of uploads. Final ones are not read again; the records of the others are read in batches."""

    def __init__(self, ledger: Ledger, versions: list[UploadVersion]) -> None:
        self._ledger, self._versions = ledger, versions
        self._progress: dict[str, Progress] = {}
        self._revisions: dict[str, int] = {}
        self._may_batch = True
        self._turns = deque(version.id for version in versions)

    def read(self) -> list[Progress]:
        """Return the progress of all uploads, in order.

        An upload is read in full if its record has changed. Attempts may move without that, so MOST of the others are
        read in full, in turn.
        """
        open_versions = {version.id: version for version in self._versions if not self._is_final(version.id)}
        records = self._find_records(list(open_versions))
        if records is None:
            return self.read_all()
        changed = {name for name in open_versions if self._has_changed(name, records.get(name))}
        in_turn = {name for name in self._next_turns() if name in open_versions and name in records}
        for name in changed | in_turn:
            self._read(open_versions[name], records.get(name))
        return self._all()

    def _find_records(self, names: list[str]) -> dict[str, Upload] | None:
        """Return the records; None if the credentials permit no batches, as those of earlier policies do."""
        if not self._may_batch:
            return None
        try:
            return self._ledger.find_uploads(names)
        except ClientError as error:
            if not is_denied(error):
                raise
            self._may_batch = False
            return None

    def read_all(self) -> list[Progress]:
        """Return the progress of all uploads after a full reading of those that are not final."""
        for version in self._versions:
            if not self._is_final(version.id):
                self._read(version, None)
        return self._all()

    def _all(self) -> list[Progress]:
        return [self._progress[version.id] for version in self._versions]

    def _is_final(self, name: str) -> bool:
        return name in self._progress and self._progress[name].is_final

    def _has_changed(self, name: str, record: Upload | None) -> bool:
        return name not in self._progress or (record is not None and self._revisions.get(name) != record.revision)

    def _next_turns(self) -> list[str]:
        names = [self._turns[place] for place in range(min(MOST, len(self._turns)))]
        self._turns.rotate(-len(names))
        return names

    def _read(self, version: UploadVersion, record: Upload | None) -> None:
        self._progress[version.id] = read_progress(self._ledger, version.id, version.key, version.size)
        if record is not None:
            self._revisions[version.id] = record.revision
