"""The repeated reading of many uploads, for at most two hundredths of a core's time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied

from seqdrop_cli.progress import Progress, make_progress, read_progress

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.uploads import UploadVersion

SHORTEST, LONGEST = 0.5, 5.0  # seconds between two readings of the ledger
SHARE = 0.02  # of a core
BATCHED = 500  # uploads whose records are read in one reading
LISTED = 200  # uploads whose attempts are read once more when all are final
MOST = 20  # uploads whose attempts, jobs and awaited files are read in one reading


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
    """The progress of uploads. Each reading costs the same, however many they are; final ones are not read again."""

    def __init__(self, ledger: Ledger, versions: list[UploadVersion]) -> None:
        self._ledger = ledger
        self._versions = {version.id: version for version in versions}
        self._progress = {version.id: make_progress(version, None) for version in versions}
        self._may_batch = True
        self._for_records, self._for_details = deque(self._versions), deque(self._versions)

    def read(self) -> list[Progress]:
        """Return the progress of all uploads, in order.

        The records of BATCHED uploads are read, and of MOST uploads everything, in turn.
        """
        names = self._take(self._for_records, BATCHED)
        records = self._find_records(names)
        if records is None:
            return self.read_all()
        for name, record in records.items():
            known = self._progress[name].upload
            if known is None or known.revision != record.revision:
                self._progress[name] = make_progress(self._versions[name], record)
        for name in self._take(self._for_details, MOST):
            if self._progress[name].upload is not None:
                self._read(name)
        return list(self._progress.values())

    def read_all(self) -> list[Progress]:
        """Return the progress of all uploads after a full reading of those that are not final."""
        for name, progress in list(self._progress.items()):
            if not progress.is_final:
                self._read(name)
        return list(self._progress.values())

    def complete(self) -> list[Progress]:
        """Return the progress of all uploads with their attempts, also of those that became final between two readings.

        Of more than LISTED uploads, only those that were read with their attempts before have them.
        """
        if len(self._progress) <= LISTED:
            for name in self._progress:
                self._read(name)
        return list(self._progress.values())

    def _take(self, turns: deque[str], most: int) -> list[str]:
        """Return the uploads whose turn it is. Those that are final leave the queue."""
        names: list[str] = []
        for _ in range(len(turns)):
            if len(names) == most:
                break
            name = turns.popleft()
            if not self._progress[name].is_final:
                names.append(name)
                turns.append(name)
        return names

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

    def _read(self, name: str) -> None:
        version = self._versions[name]
        self._progress[name] = read_progress(self._ledger, name, version.key, version.size)
