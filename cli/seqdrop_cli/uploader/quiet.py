"""Which files of a run are still written: nothing on a disk says so, and a share knows no locks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from seqdrop.runs.files import RunFile


@dataclass
class QuietFiles:
    """The files of one run that did not change for `min_age` seconds.

    By its time, or by what earlier looks saw: the clock of a share may be ahead of ours, and its files would never be
    old enough.
    """

    min_age: float
    _since: dict[str, tuple[RunFile, datetime]] = field(default_factory=dict)

    def select(self, files: Collection[RunFile], now: datetime) -> list[RunFile]:
        """Return the quiet ones of the files that a look at `now` saw."""
        min_age, before = timedelta(seconds=self.min_age), self._since
        self._since, quiet = {}, []
        for file in files:
            if file.modified <= now - min_age:
                quiet.append(file)
                continue
            known, since = before.get(file.name, (None, now))
            if known != file:
                since = now
            self._since[file.name] = (file, since)
            if since <= now - min_age:
                quiet.append(file)
        return quiet
