"""The repeated reading of many uploads, for at most two hundredths of a core's time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_denied
from seqdrop.config.analysis import TRAINING
from seqdrop.kinds.plans import packaged

from seqdrop_cli.progress import Progress, make_progress, read_progress

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.uploads import UploadVersion

SHORTEST, LONGEST = 0.5, 5.0  # seconds between two readings of the ledger
SHARE = 0.02  # of a core
BATCHED = 500  # uploads whose records are read in one reading
ENDS = 200  # uploads that seem final, and whose attempts are read in one reading
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
        self._whole: set[str] = set()  # uploads whose progress was read with their attempts
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
                self._whole.discard(name)
        for name in self._take(self._for_details, MOST):
            if self._progress[name].upload is not None:
                self._read(name)
        for name in [name for name in self._progress if self._seems_final(name)][:ENDS]:
            self._read(name)
        return list(self._progress.values())

    @property
    def is_done(self) -> bool:
        """Whether every upload is final."""
        return all(map(self._is_final, self._progress))

    def _is_final(self, name: str) -> bool:
        return self._progress[name].is_final and not self._seems_final(name)

    def _seems_final(self, name: str) -> bool:
        """Return True if an upload is ARCHIVED by its record, and its attempts were not read since.

        If it is replayed, it has an open attempt. Uploads without a model have no attempts.
        """
        progress = self._progress[name]
        if progress.upload is None or progress.upload.state != "ARCHIVED" or name in self._whole:
            return False
        analysis = packaged().for_key(progress.key)
        return analysis is None or analysis.has_attempts or analysis.name == TRAINING

    def read_all(self) -> list[Progress]:
        """Return the progress of all uploads after a full reading of those that are not final."""
        for name in list(self._progress):
            if not self._is_final(name):
                self._read(name)
        return list(self._progress.values())

    def _take(self, turns: deque[str], most: int) -> list[str]:
        """Return the uploads whose turn it is. Those that are final leave the queue."""
        names: list[str] = []
        for _ in range(len(turns)):
            if len(names) == most:
                break
            name = turns.popleft()
            if not self._is_final(name):
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
        self._whole.add(name)
