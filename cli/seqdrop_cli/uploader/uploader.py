"""The engine: it sends the files of a plan with several threads, and continues where an earlier process stopped."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.uploads import upload_id

from seqdrop_cli.uploader.archive import Archive
from seqdrop_cli.uploader.events import Event, Journal, Outcome
from seqdrop_cli.uploader.failures import UploadFailedError, explain, find_problem, is_fatal
from seqdrop_cli.uploader.landing_bucket import LandingBucket
from seqdrop_cli.uploader.pacing import PATIENCE, Pace, StoppedError
from seqdrop_cli.uploader.parts import PartSender
from seqdrop_cli.uploader.records import Claim, Identity, Item, Sent
from seqdrop_cli.uploader.sending import ChangedError, Sender, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop_cli.target import Target
    from seqdrop_cli.uploader.plan import Unit
    from seqdrop_cli.uploader.state import UploadState

JOBS = 8  # threads, each with one file; large files have as many more for their parts
TRIES = 3  # of a file that changes while it is read
PAUSE = 1.0  # seconds until a file is tried again that changed, or that another process sends
SENT, ARCHIVED, THERE = "sent before", "archived already", "in the landing bucket already"
WRITTEN, INCOMPLETE = "still being written", "a marker: other files of its folder are not sent yet"
BROKEN_SET = "another file of its set could not be sent"


class Source(Protocol):
    """What is sent: a plan of named paths, or of a look at a watched run. The three are read in this order."""

    def early(self) -> Iterator[Unit]:
        """Yield what a lab needs first."""

    def usual(self) -> Iterator[Unit]:
        """Yield what may be sent in any order."""

    def last(self) -> Iterator[Unit]:
        """Yield what tells the pipeline that the rest is there."""


class FileFailedError(Exception):
    """One file could not be sent; the message says why. Others may."""


@dataclass(frozen=True)
class Options:
    """How to send. `rate` is in bytes a second; files changed within the last `min_age` seconds are left for later."""

    jobs: int = JOBS
    rate: float | None = None
    again: bool = False
    min_age: float = 0.0
    patience: float = PATIENCE


@dataclass(frozen=True)
class Entry:
    """A file of a unit, as it is now, with the right to send it."""

    item: Item
    identity: Identity
    claim: Claim


class Uploader:
    """Sends plans to the landing bucket of a stack. It may run several plans, one after another."""

    def __init__(self, target: Target, state: UploadState, options: Options, report: Callable[[Event], None]) -> None:
        self.options, self.state, self.journal = options, state, Journal(report)
        self.pace = Pace(options.rate, options.patience)
        self.landing = LandingBucket(target.client("s3"), target.landing, self.pace, options.again)
        self.archive = Archive(target.ledger(), target.landing, self.pace, is_readable=not options.again)
        self._parts = PartSender(self.landing, state, options.jobs, self.journal.progress)
        self._sender = Sender(self.landing, state, self._parts)
        self._later: list[tuple[Unit, int]] = []
        self._incomplete: set[str] = set()
        self._fatal: Exception | None = None
        self._lock = threading.Lock()

    def run(self, plan: Source) -> Outcome:
        """Send the files of a plan, and return what happened to them.

        Raise UploadFailedError or StateError if no file can be sent, and KeyboardInterrupt after Ctrl-C. In each case
        no file is half sent, and the next run continues.
        """
        self.journal.outcome, self._incomplete, self._later, self._fatal = Outcome(), set(), [], None
        self.pace.stop.clear()
        jobs = self.options.jobs
        for units, threads in ((plan.early(), jobs), (plan.usual(), jobs), (plan.last(), 1)):  # markers in order
            self._run_units(((unit, 0) for unit in units), threads)
            while self._later:
                later, self._later = self._later, []
                time.sleep(PAUSE)
                self._run_units(iter(later), threads)
        return self.journal.outcome

    def close(self) -> None:
        """End the threads."""
        self._parts.close()

    def _run_units(self, units: Iterator[tuple[Unit, int]], jobs: int) -> None:
        threads = [threading.Thread(target=self._work, args=(units,), daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        try:
            _join(threads)
        except KeyboardInterrupt:
            self.pace.stop.set()
            _join(threads)
            raise
        if self._fatal:
            raise self._fatal

    def _work(self, units: Iterator[tuple[Unit, int]]) -> None:
        """Process units until there are none. The first unexpected error ends the work of all threads."""
        try:
            while not self.pace.stop.is_set():
                with self._lock:
                    unit = next(units, None)
                if unit is None:
                    return
                self._process(*unit)
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 # `run` raises it
            with self._lock:
                self._fatal = self._fatal or error
            self.pace.stop.set()

    def _process(self, unit: Unit, tries: int) -> None:
        entries = [entry for item in unit if (entry := self._open(item))]
        unfinished = {entry.item.key for entry in entries if not entry.claim.sent and not entry.claim.is_busy}
        try:
            if any(entry.claim.is_busy for entry in entries):
                self._try_later(unit, tries)
                return
            if len(unit) > 1 and any(entry.claim.has_changed for entry in entries):
                entries = [self._claim_again(entry) if entry.claim.sent else entry for entry in entries]
            self._send_all(entries, self._find_archived(entries, len(unit)), tries, unfinished)
        finally:
            for key in unfinished:
                self.state.release(self.landing.bucket, key)

    def _open(self, item: Item) -> Entry | None:
        """Return a file and the right to send it, if there is one; None if it fails or is left for another time."""
        if item.is_last and self._is_incomplete(item):
            self.journal.left(item, INCOMPLETE)
            return None
        if problem := find_problem(item.key):
            self._fail(item, problem)
            return None
        try:
            status = Path(item.path).stat()
        except OSError as error:
            self._fail(item, explain(error))
            return None
        if time.time() - status.st_mtime < self.options.min_age:
            self._leave(item, WRITTEN)
            return None
        return self._claim(item, Identity.of(item.path, status))

    def _claim(self, item: Item, identity: Identity) -> Entry:
        entry = Entry(item, identity, self.state.claim(self.landing.bucket, item.key, identity))
        return self._claim_again(entry) if entry.claim.sent and self.options.again else entry

    def _claim_again(self, entry: Entry) -> Entry:
        """Return an entry whose file is sent although it was sent before."""
        self.state.forget(self.landing.bucket, entry.item.key)
        return Entry(entry.item, entry.identity, self.state.claim(self.landing.bucket, entry.item.key, entry.identity))

    def _find_archived(self, entries: list[Entry], size: int) -> dict[str, Sent]:
        """Return the archived files by their keys: of files that belong together, either all or none."""
        new = [entry for entry in entries if not entry.claim.sent and not entry.claim.is_retry]
        if not self.archive.is_readable or (size > 1 and any(entry.claim.has_changed for entry in new)):
            return {}
        archived: dict[str, Sent] = {}
        for entry in new:
            try:
                if sent := self.archive.find(entry.item):
                    archived[entry.item.key] = sent
            except OSError:
                continue  # sending it fails as well, and reports why
        return archived if len(archived) == len(new) else {}

    def _send_all(self, entries: list[Entry], archived: dict[str, Sent], tries: int, unfinished: set[str]) -> None:
        """Send the files of a unit in order. After a failure, the rest is left: a job.toml must not come alone."""
        for position, entry in enumerate(entries):
            item = entry.item
            try:
                if entry.claim.sent:
                    self._skip(item, SENT, entry.claim.sent)
                elif item.key in archived:
                    self.state.finish(self.landing.bucket, item.key, archived[item.key])
                    self._skip(item, ARCHIVED, archived[item.key])
                else:
                    self._send(entry)
                unfinished.discard(item.key)
            except ChangedError as error:
                self._come_back(tuple(entry.item for entry in entries[position:]), tries + 1, str(error))
                return
            except FileFailedError as error:
                self._fail(item, str(error))
                for rest in entries[position + 1 :]:
                    self._leave(rest.item, BROKEN_SET)
                return

    def _send(self, entry: Entry) -> None:
        """Send a file. Raise ChangedError, FileFailedError, or UploadFailedError if no other could be sent either."""
        item = entry.item
        self.journal.started(item)
        try:
            sent = self._sender.send(item, entry.identity, entry.claim)
        except (OSError, TooLargeError, ClientError, BotoCoreError) as error:
            if is_fatal(error):
                raise UploadFailedError(f"{item.path} could not be uploaded: {explain(error)}") from error
            raise FileFailedError(explain(error)) from error
        if sent.was_there:
            self._skip(item, THERE, sent)
        else:
            self.journal.finished(item, sent, upload_id(self.landing.bucket, item.key, sent.version))

    def _skip(self, item: Item, reason: str, sent: Sent) -> None:
        self.journal.there(item, reason, sent, upload_id(self.landing.bucket, item.key, sent.version))

    def _come_back(self, unit: Unit, tries: int, reason: str) -> None:
        """Try a file that has changed, and the rest of its unit, again later; after some tries, leave them."""
        if tries < TRIES:
            self._try_later(unit, tries)
            return
        for item in unit:
            self._leave(item, reason)

    def _try_later(self, unit: Unit, tries: int) -> None:
        with self._lock:
            self._later.append((unit, tries))

    def _fail(self, item: Item, reason: str) -> None:
        self._note_incomplete(item)
        self.journal.failed(item, reason)

    def _leave(self, item: Item, reason: str) -> None:
        self._note_incomplete(item)
        self.journal.left(item, reason)

    def _note_incomplete(self, item: Item) -> None:
        with self._lock:
            self._incomplete.add(item.group or item.key.rpartition("/")[0] + "/")

    def _is_incomplete(self, item: Item) -> bool:
        """Return True if a file that the marker stands for is not in S3."""
        folder = item.key.rpartition("/")[0] + "/"
        with self._lock:
            return item.group in self._incomplete or any(name.startswith(folder) for name in self._incomplete)


def _join(threads: list[threading.Thread]) -> None:
    """Wait for threads. The time limit lets Ctrl-C through on Windows."""
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)
