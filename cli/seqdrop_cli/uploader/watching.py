"""The watch over folders of runs: it finds runs, looks at each when it is due, and sends what is ready.

Times are those of this computer. An error of one run is reported and tried again; it does not end the watch.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from seqdrop_cli.errors import describe
from seqdrop_cli.uploader.bundling import BundleSpool, SpoolTakenError
from seqdrop_cli.uploader.events import Event, Outcome, has_arrived
from seqdrop_cli.uploader.failures import UploadFailedError
from seqdrop_cli.uploader.run_bundles import RunBundles, name_spool
from seqdrop_cli.uploader.run_folders import folder_name, has_cells, is_run, runs_prefix
from seqdrop_cli.uploader.run_watch import RunWatch, Work
from seqdrop_cli.uploader.schedule import LONGEST, LONGEST_COMPLETE, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

RUN, PROBLEM = "run", "problem"  # kinds of events
DEPTH = 3  # levels below a watched folder: ONT has experiment, sample and run
RETRY = timedelta(minutes=1)  # after a problem


@dataclass(frozen=True)
class WatchSettings:
    """What is watched and how: `spools` is the folder of the spools; without `is_bundling` small files are objects."""

    folders: tuple[Path, ...]
    spools: Path
    min_age: float
    takes: Callable[[str], bool]
    is_bundling: bool = True


@dataclass
class Watched:
    """A run folder with its schedule: `signature` is what its last look saw, `reported` its last reported state."""

    run: RunWatch
    lock: BundleSpool
    schedule: Schedule = field(default_factory=Schedule)
    signature: object = None
    reported: dict[str, Any] = field(default_factory=dict)


@dataclass
class Watcher:
    """Watches folders and sends with `send`, which is `Uploader.run`. `report` receives events of runs and problems.

    `note` takes the events of the transfer.
    """

    settings: WatchSettings
    send: Callable[[Work], Outcome]
    report: Callable[[Event], None]
    clock: Callable[[], datetime]
    cpu: Callable[[], float] = time.process_time
    is_complete: bool = True  # nothing has failed or was left
    _runs: dict[Path, Watched] = field(default_factory=dict)
    _search: Schedule = field(default_factory=Schedule)
    _problems: dict[Path, tuple[str, datetime]] = field(default_factory=dict)
    _current: RunWatch | None = None
    _left: set[Path] = field(default_factory=set)

    def step(self) -> float:
        """Look at what is due, send, and return the seconds until something else is due."""
        if self._search.is_due(self.clock()):
            self._find_runs()
        for path, watched in list(self._runs.items()):
            if watched.schedule.is_due(self.clock()):
                self._try(path, watched)
        now = self.clock()
        schedules = [self._search, *(watched.schedule for watched in self._runs.values())]
        return max(0.0, min((schedule.due - now).total_seconds() if schedule.due else 0.0 for schedule in schedules))

    def note(self, event: Event) -> None:
        """Record a file that S3 has. Threads of the transfer call this."""
        if self._current and has_arrived(event):
            self._current.note(event.facts["key"], self.clock())

    def complete_runs(self) -> Iterator[RunWatch]:
        """Yield the runs that are complete by the rules of their instruments."""
        for watched in self._runs.values():
            if watched.run.verdict and watched.run.verdict.state == "COMPLETE":
                yield watched.run

    def leave(self, path: Path) -> None:
        """Watch a run no longer, whatever is left of its folder."""
        self._left.add(path)
        self._runs.pop(path).lock.close()

    def close(self) -> None:
        """Let other processes upload the runs."""
        for watched in self._runs.values():
            watched.lock.close()

    def _find_runs(self) -> None:
        now, start, known = self.clock(), self.cpu(), len(self._runs)
        for folder in self.settings.folders:
            try:
                for path in find_runs(folder):
                    if path not in self._runs and path not in self._left:
                        self._begin(path)
            except OSError as error:
                self._report_problem(folder, _explain(error))
        cost = (self.cpu() - start) * (1 + len(self._runs))
        changed = len(self._runs) != known
        self._search.wait(now, has_changed=changed, longest=RETRY, cost=cost, alarm=None)

    def _begin(self, path: Path) -> None:
        try:
            spool = BundleSpool(self.settings.spools / name_spool(path))
        except SpoolTakenError:
            self._report_problem(path, "another process on this computer uploads it; this one waits for its end")
            return
        name = folder_name(path.resolve())
        prefix = f"{runs_prefix()}{name}/"
        bundles = RunBundles(path, prefix, spool) if self.settings.is_bundling else None
        run = RunWatch(path, prefix, bundles, self.settings.min_age, self.settings.takes)
        self._runs[path] = Watched(run, spool)

    def _try(self, path: Path, watched: Watched) -> None:
        """Look at a run and send. Errors that may pass are reported, and the run is tried again later."""
        now, start = self.clock(), self.cpu()
        try:
            work = watched.run.look(now)
            cost = (self.cpu() - start) * len(self._runs)
            outcome = None if work.is_idle else self._send(watched.run, work)
        except FileNotFoundError as error:
            if path.exists():
                self._retry(path, watched, error)
                return
            self._report_problem(path, "it was renamed or deleted; what was sent of it stays")
            self._runs.pop(path).lock.close()
            return
        except (OSError, UploadFailedError) as error:
            self._retry(path, watched, error)
            return
        self._report_run(watched, work, outcome)
        self._plan_next(watched, work, cost)

    def _send(self, run: RunWatch, work: Work) -> Outcome:
        self._current = run
        try:
            return self.send(work)
        finally:
            self._current = None

    def _retry(self, path: Path, watched: Watched, error: Exception) -> None:
        self._report_problem(path, _explain(error))
        watched.schedule.due = self.clock() + RETRY

    def _plan_next(self, watched: Watched, work: Work, cost: float) -> None:
        signature = (len(work.files), sum(file.size for file in work.files), work.verdict.state)
        has_changed = signature != watched.signature or len(work.quiet) < len(work.files)
        watched.signature = signature
        longest = LONGEST_COMPLETE if work.verdict.state in ("COMPLETE", "FAILED") else LONGEST
        alarm = work.verdict.due_at
        watched.schedule.wait(self.clock(), has_changed=has_changed, longest=longest, cost=cost, alarm=alarm)

    def _report_run(self, watched: Watched, work: Work, outcome: Outcome | None) -> None:
        """Report a run if it is new, its state has changed, or something of it was sent or failed."""
        verdict = work.verdict
        state = {
            "state": verdict.state,
            "instrument": verdict.name,
            "reason": verdict.reason,
            "waiting": work.waiting,
            "warnings": list(verdict.warnings),
        }
        facts = _count(outcome) if outcome else {}
        self.is_complete = self.is_complete and not (facts.get("failed") or facts.get("unsent"))
        if state != watched.reported or any(facts.values()):
            self.report(Event(RUN, {"run": watched.run.path.name, **state, **facts}))
        watched.reported = state

    def _report_problem(self, path: Path, reason: str) -> None:
        """Report a problem, the same again only after an hour."""
        self.is_complete = False
        now = self.clock()
        before = self._problems.get(path)
        if before is None or before[0] != reason or now - before[1] >= timedelta(hours=1):
            self._problems[path] = (reason, now)
            self.report(Event(PROBLEM, {"folder": str(path), "reason": reason}))


def find_runs(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Yield the folder if it is a run folder, else the run folders below it, down to `depth` levels.

    Raise OSError if the folder itself cannot be read.
    """
    with os.scandir(folder) as entries:
        listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    listed = [(name, is_folder) for name, is_folder in listed if not name.startswith(".")]
    folders = [name for name, is_folder in listed if is_folder]
    if is_run(folders, [name for name, is_folder in listed if not is_folder]) or has_cells(folder):
        yield folder
        return
    for name in folders if depth else ():
        try:
            yield from find_runs(folder / name, depth - 1)
        except OSError:  # it vanished, or belongs to another user
            continue


def _count(outcome: Outcome) -> dict[str, Any]:
    """Return the facts of an outcome for the event of a run: counts, and reasons without names of files."""
    counts = {"sent": outcome.sent, "sent_bytes": outcome.sent_bytes, "failed": outcome.failed}
    unsent = sum(outcome.unsent.values())
    return {**counts, "unsent": unsent, "why": _find_reason(outcome)}


def _find_reason(outcome: Outcome) -> str:
    """Return why something was not sent, without names of files, which may identify patients."""
    for key, reason in outcome.failures:
        is_named = key.rpartition("/")[2] in reason
        return "`seqdrop upload` of the folder says which files, and why" if is_named else reason
    return next(iter(outcome.unsent), "")


def _explain(error: Exception) -> str:
    return describe(error) or str(error) or type(error).__name__
