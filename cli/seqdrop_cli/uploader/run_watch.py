"""One watched run folder: what of it is sent at a look, and what waits.

While the instrument sequences, quiet files are sent: those that a lab needs early first, small ones in bundles as soon
as a bundle is full. Markers, outcomes and lists are sent last, and only when their unit is complete by the rules of its
instrument and everything else of it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.runs.bundle_policy import Bundle, join, select
from seqdrop.runs.completion import judge
from seqdrop.runs.names import gate_folders, is_sent_early, is_sent_last

from seqdrop_cli.uploader.disk import DiskFolder
from seqdrop_cli.uploader.quiet import QuietFiles
from seqdrop_cli.uploader.records import Item
from seqdrop_cli.uploader.run_bundles import may_be_bundled, stays_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from seqdrop.runs.completion import Verdict
    from seqdrop.runs.files import RunFile

    from seqdrop_cli.uploader.run_bundles import RunBundles

LONGEST_KEY = 1024  # bytes, of S3
# InterOp and logs change with every cycle, and each version would be archived. So a file that was sent is sent again
# after this time, and when its unit is complete.
REFRESH = timedelta(hours=6)


@dataclass
class RunWatch:
    """The state of one run folder. `prefix` is that of its keys; `takes(name)` is False for files that are excluded.

    Without `bundles`, small files are sent as objects.
    """

    path: Path
    prefix: str
    bundles: RunBundles | None
    min_age: float
    takes: Callable[[str], bool]
    verdict: Verdict | None = None
    _sent: dict[str, tuple[RunFile, datetime]] = field(default_factory=dict)  # by name
    _offered: dict[str, RunFile] = field(default_factory=dict)  # by key, in the current look
    _quiet: QuietFiles = field(init=False)

    def __post_init__(self) -> None:
        self.folder = DiskFolder(self.path)
        self._quiet = QuietFiles(self.min_age)

    def look(self, now: datetime) -> Work:
        """Return what can be sent now. Raise OSError if the folder cannot be read, or is gone."""
        files = [file for file in self.folder.scan() if self.takes(file.name) and is_sendable(self.prefix, file.name)]
        files.sort(key=lambda file: file.name)
        self.verdict = judge(self.path.name, files, self.folder.read, now)
        work = Work(self, files, self._quiet.select(files, now), self.verdict, now)
        self._offered = {}
        return work

    def offer(self, file: RunFile, *, is_last: bool = False) -> tuple[Item]:
        """Return a file as a unit of the uploader."""
        key = self.prefix + file.name
        self._offered[key] = file
        return (Item(str(self.path / file.name), key, file.size, self.prefix, is_last),)

    def note(self, key: str, now: datetime) -> None:
        """Record that S3 has the file of a key, which may be one of a bundle."""
        if file := self._offered.pop(key, None):
            self._sent[file.name] = (file, now)
        if self.bundles:
            self.bundles.note(key)

    def is_sent(self, file: RunFile) -> bool:
        """Return True if S3 has this version of a file, or a bundle in the spool does."""
        sent = self._sent.get(file.name)
        return (sent is not None and sent[0] == file) or (self.bundles is not None and self.bundles.spool.has(file))

    def is_fresh(self, file: RunFile, now: datetime) -> bool:
        """Return True if an earlier version of a file was sent not long ago."""
        sent = self._sent.get(file.name)
        return sent is not None and now - sent[1] < REFRESH


@dataclass
class Work:
    """What one look at a run sends: a plan for the uploader, which reads `early`, `usual` and `last` in this order.

    `waiting` says why markers of complete units are not sent. A bundle is packed when the uploader asks for it, and
    deleted when it was sent, so the spool has no more bundles than the uploader has threads.
    """

    run: RunWatch
    files: list[RunFile]
    quiet: list[RunFile]
    verdict: Verdict
    now: datetime
    waiting: str = ""
    _changed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._complete = frozenset(self.verdict.complete)
        units = {unit.folder for unit in self.verdict.units} - {""}
        unsent = [file for file in self.quiet if not self.run.is_sent(file)]
        self._markers = sorted((file for file in unsent if is_sent_last(file.name)), key=_inner_first)
        markers = {file.name for file in self._markers}
        due = [file for file in unsent if file.name not in markers and self._is_due(file)]
        self._early = [file for file in due if is_sent_early(file.name)]
        early = {file.name for file in self._early}
        usual = [file for file in due if file.name not in early]
        self._objects, self._bundles = tuple(usual), tuple[Bundle, ...]()
        if self.run.bundles:
            selection = select(usual, stays_alone, units)
            self._objects, self._bundles = selection.objects, selection.bundles
        self._hold_back_small_files()

    @property
    def is_idle(self) -> bool:
        """True if nothing can be sent now."""
        is_spooled = bool(self.run.bundles and self.run.bundles.spool.unsent)
        return not (self._early or self._objects or self._bundles or is_spooled or list(self._released()))

    def summary(self) -> dict[str, int]:
        """Return the numbers of objects, of files in new bundles, of markers and of bytes that can be sent now."""
        markers = list(self._released())
        packed = [file for bundle in self._bundles for file in bundle.files]
        objects = [*self._early, *self._objects]
        size = sum(file.size for file in (*objects, *packed, *markers))
        return {"files": len(objects), "files in bundles": len(packed), "markers": len(markers), "bytes": size}

    def early(self) -> Iterator[tuple[Item]]:
        """Yield RunInfo, parameters, sheets and InterOp."""
        return (self.run.offer(file) for file in self._early)

    def usual(self) -> Iterator[tuple[Item, ...]]:
        """Yield objects, then bundles, which are packed when they are needed."""
        yield from (self.run.offer(file) for file in self._objects)
        bundles = self.run.bundles
        if bundles is None:
            return
        for packed in bundles.spool.unsent:
            yield bundles.offer(packed)
        for bundle in self._bundles:
            new, changed = bundles.pack(bundle)
            self._changed.update(changed)
            if new:
                yield bundles.offer(new)

    def last(self) -> Iterator[tuple[Item]]:
        """Yield the markers, outcomes and lists of complete units whose other files were all sent."""
        for file in self._released():
            yield self.run.offer(file, is_last=True)

    def _released(self) -> Iterator[RunFile]:
        open_folders = self._complete & {folder for file in self._markers for folder in gate_folders(file.name)}
        blocked = {folder: reason for folder in open_folders if (reason := self._find_obstacle(folder))}
        for file in self._markers:
            folder = next((folder for folder in gate_folders(file.name) if folder in self._complete), None)
            if folder is not None and folder not in blocked:
                yield file
        self.waiting = next(iter(blocked.values()), "")

    def _find_obstacle(self, folder: str) -> str:
        """Return why the markers of a complete folder must wait; "" if everything else in it was sent."""
        offered = {file.name for files in (self._early, self._objects) for file in files}
        packable = {join(bundle.folder, file.name) for bundle in self._bundles for file in bundle.files}
        ready = (offered | packable) - self._changed
        quiet = {file.name for file in self.quiet}
        for file in self.files:
            if is_sent_last(file.name) and file.name in quiet:
                continue
            if folder not in gate_folders(file.name) or self.run.is_sent(file) or file.name in ready:
                continue
            return "files are still written" if file.name not in quiet else "files are not sent yet"
        return ""

    def _is_due(self, file: RunFile) -> bool:
        """Return True unless another version was sent not long ago, and the file may still change."""
        return self._is_open(file.name) or not self.run.is_fresh(file, self.now)

    def _is_open(self, name: str) -> bool:
        return not self._complete.isdisjoint(gate_folders(name)) or self.verdict.is_silent

    def _hold_back_small_files(self) -> None:
        """Leave bundles that may still grow, and small files that are too few for one, until their unit is complete."""
        self._bundles = tuple(
            bundle for bundle in self._bundles if bundle.is_full or self._is_open(bundle.run_files[0].name)
        )
        if self.run.bundles:
            self._objects = tuple(
                file for file in self._objects if not may_be_bundled(file) or self._is_open(file.name)
            )


def is_sendable(prefix: str, name: str) -> bool:
    """Return True if S3 can have a key with this name."""
    try:
        return len((prefix + name).encode()) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def _inner_first(file: RunFile) -> tuple[int, str]:
    """Return the sort key by which markers of inner folders come first."""
    return -file.name.count("/"), file.name
