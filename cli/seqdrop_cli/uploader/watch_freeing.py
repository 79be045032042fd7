"""Frees the disk while runs are watched: a run that is archived as a whole is deleted, or reported, once.

Whether a run is archived is looked up at most once in PAUSE, and its files are read only when it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop_cli.uploader.events import Event
from seqdrop_cli.uploader.freeing import find_freeable, free
from seqdrop_cli.uploader.proofs import Proofs
from seqdrop_cli.uploader.records import Item
from seqdrop_cli.uploader.watching import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from seqdrop_cli.target import Target
    from seqdrop_cli.uploader.run_watch import RunWatch
    from seqdrop_cli.uploader.state import UploadState
    from seqdrop_cli.uploader.watching import Watcher

PAUSE = timedelta(hours=1)
FREED, FREEABLE = "freed", "could free"


@dataclass
class WatchFreeing:
    """Frees the runs of a watcher. Unless it `is_deleting`, it only reports what could be freed."""

    watcher: Watcher
    target: Target
    state: UploadState
    is_deleting: bool
    _due: dict[Path, datetime] = field(default_factory=dict)
    _reported: set[Path] = field(default_factory=set)

    def step(self) -> None:
        """Look at the complete runs that are due."""
        now = self.watcher.clock()
        for run in list(self.watcher.complete_runs()):
            if run.path not in self._reported and self._due.get(run.path, now) <= now:
                self._due[run.path] = now + PAUSE
                self._look(run)

    def _look(self, run: RunWatch) -> None:
        spool = run.bundles.spool if run.bundles else None
        freeable = find_freeable(Proofs(self.target, self.state, spool), _list_items(run))
        if not freeable.files:
            return
        if not self.is_deleting:
            self._reported.add(run.path)
            self._report(run, FREEABLE, len(freeable.files), freeable.size)
            return
        count, size = free(freeable)
        _remove_empty_folders(run.path)
        self.watcher.leave(run.path)
        self._report(run, FREED, count, size)

    def _report(self, run: RunWatch, what: str, count: int, size: int) -> None:
        self.watcher.report(Event(RUN, {"run": run.path.name, what: {"files": count, "bytes": size}}))


def _list_items(run: RunWatch) -> Iterator[Item]:
    """Yield every file of a run, also those that are excluded: with one of them, the run is not archived as a whole."""
    for file in run.folder.scan():
        yield Item(str(run.path / file.name), run.prefix + file.name, file.size, run.prefix)


def _remove_empty_folders(path: Path) -> None:
    for folder in sorted((it for it in path.rglob("*") if it.is_dir()), key=lambda it: -len(it.parts)):
        if not any(folder.iterdir()):
            folder.rmdir()
    if not any(path.iterdir()):
        path.rmdir()
