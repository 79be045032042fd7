"""A world for watches: a disk with run folders, a bucket in memory, a clock, and a transfer that may fail or die."""

from __future__ import annotations

import io
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seqdrop.runs.bundle_index import INDEX_SUFFIX, is_bundle, is_index, read_index
from seqdrop.runs.bundles import check, extract
from seqdrop.runs.names import is_sent_last
from seqdrop_cli.uploader.events import FINISHED, SKIPPED, Event, Outcome
from seqdrop_cli.uploader.watching import Watcher, WatchSettings

RUN = "200624_A00834_0183_BHMTFYTINY"
RUN_INFO = b"""<?xml version="1.0"?><RunInfo Version="5"><Run Id="%s" Number="183"><Flowcell>HMTFYTINY</Flowcell>
<Instrument>A00834</Instrument><Date>6/24/2020</Date><Reads><Read Number="1" NumCycles="151" IsIndexedRead="N"/></Reads>
</Run></RunInfo>""" % RUN.encode()
MARKERS = ("RTAComplete.txt", "CopyComplete.txt", "RunCompletionStatus.xml")
STATUS = b"<RunCompletionStatus><RunStatus>RunCompleted</RunStatus><RunErrors/></RunCompletionStatus>"


class KilledError(BaseException):
    """The process was killed."""


class World:
    """A disk at `root` and a bucket. `sent` has (key, content) in the order in which S3 received them."""

    def __init__(self, root: Path, spools: Path):
        self.root, self.spools = root, spools
        self.now = datetime(2026, 2, 1, tzinfo=UTC)
        self.sent: list[tuple[str, bytes]] = []
        self.recorded: dict[str, tuple] = {}  # what the state file of the uploader has
        self.events: list[Event] = []
        self.refused: set[str] = set()
        self.kill_after: int | None = None
        self.before_read = lambda path: None
        self.cpu = 0.0
        self.watchers: list[Watcher] = []
        self.watcher = self.start()

    def start(self, *, folder: Path | None = None, takes=lambda name: True, bundles: bool = True) -> Watcher:
        settings = WatchSettings((folder or self.root,), self.spools, 60.0, takes, bundles)
        self.watcher = Watcher(settings, self.send, self.events.append, lambda: self.now, lambda: self.cpu)
        self.watchers.append(self.watcher)
        return self.watcher

    def restart(self) -> None:
        self.watcher.close()
        self.start()

    def close(self) -> None:
        for watcher in self.watchers:
            watcher.close()

    def write(self, name: str, content: bytes = b"", age: float = 0, run: str = RUN) -> Path:
        path = self.root / run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        moment = (self.now - timedelta(seconds=age)).timestamp()
        os.utime(path, (moment, moment))
        return path

    def sequence(self, calls: int = 5) -> None:
        """Write what an instrument writes before the markers."""
        self.write("RunInfo.xml", RUN_INFO)
        self.write("InterOp/QMetricsOut.bin", b"quality")
        self.write("Data/Intensities/BaseCalls/L001/L001_1.cbcl", bytes(2000))
        self.write("Data/s_1.fastq.gz", b"\x1f\x8b reads")
        for number in range(calls):
            self.write(f"Thumbnail_Images/L001/C{number}.jpg", b"image %d" % number)

    def finish(self) -> None:
        """Write the markers."""
        for marker in MARKERS:
            self.write(marker, STATUS if marker.endswith(".xml") else b"")

    def pass_time(self, seconds: float = 0, hours: float = 0) -> None:
        self.now += timedelta(seconds=seconds, hours=hours)

    def run(self, seconds: float) -> int:
        """Step the watcher as its command does; return the number of looks."""
        end, steps = self.now + timedelta(seconds=seconds), 0
        while True:
            pause = self.watcher.step()
            steps += 1
            if self.now + timedelta(seconds=pause) > end:
                self.now = end
                return steps
            self.now += timedelta(seconds=pause)

    def send(self, work) -> Outcome:
        """Send as `Uploader.run` does: markers only if nothing failed."""
        outcome = Outcome()
        for units in (work.early(), work.usual()):
            for unit in units:
                for item in unit:
                    self._send(item, outcome)
        for (item,) in () if outcome.failed else work.last():
            self._send(item, outcome)
        return outcome

    def _send(self, item, outcome: Outcome) -> None:
        self.before_read(item.path)
        if item.key in self.refused or not Path(item.path).exists():
            outcome.failed += 1
            return
        status = Path(item.path).stat()
        identity = (item.path, status.st_size, status.st_mtime_ns)
        is_known = self.recorded.get(item.key) == identity
        if not is_known:
            if self.kill_after is not None and len(self.sent) >= self.kill_after:
                raise KilledError
            self.sent.append((item.key, Path(item.path).read_bytes()))
            self.recorded[item.key] = identity
            outcome.sent += 1
            outcome.sent_bytes += item.size
        facts = {"key": item.key, "is_there": True} if is_known else {"key": item.key}
        self.watcher.note(Event(SKIPPED if is_known else FINISHED, facts))

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.sent]

    def names(self, run: str = RUN) -> list[str]:
        """Return the names below the run in the order of their arrival, the files of a bundle for its index."""
        names = []
        for key, content in self.sent:
            name = key.removeprefix(f"runs/{run}/")
            if is_index(name):
                folder = name.rpartition("/")[0]
                names += [f"{folder}/{e.name}".lstrip("/") for e in read_index(content, name).entries]
            elif not is_bundle(name):
                names.append(name)
        return names

    def contents(self, run: str = RUN) -> dict[str, bytes]:
        """Return the files of a run that S3 has, out of their bundles, which are checked."""
        objects = dict(self.sent)
        contents, times = {}, {}
        for key, content in self.sent:
            name = key.removeprefix(f"runs/{run}/")
            if is_index(name):
                index, tar = read_index(content, name), objects[key.removesuffix(INDEX_SUFFIX)]
                check(index, io.BytesIO(tar))
                folder = name.rpartition("/")[0]
                for entry in index.entries:
                    full = f"{folder}/{entry.name}".lstrip("/")
                    if full not in times or times[full] <= entry.modified:
                        contents[full] = extract(index, entry.name, lambda at, size, tar=tar: tar[at : at + size])
                        times[full] = entry.modified
            elif not is_bundle(name):
                contents[name] = content
        return contents

    def on_disk(self, run: str = RUN) -> dict[str, bytes]:
        folder = self.root / run
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def check_whole(self, run: str = RUN) -> None:
        """Check that S3 has each file of the run once and whole, and the markers after all others."""
        assert self.contents(run) == self.on_disk(run)
        assert Counter(self.names(run)).most_common(1)[0][1] == 1
        order = [is_sent_last(name) for name in self.names(run)]
        assert order == sorted(order)
