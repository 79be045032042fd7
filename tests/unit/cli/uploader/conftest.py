"""Fixtures: a scripted S3, a state file, and an uploader of both, with small parts and without pauses."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop_cli.uploader import pacing, parts, sending, uploader
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.state import UploadState
from seqdrop_cli.uploader.uploader import Options, Uploader

from tests.unit.cli.uploader.scripted_s3 import ScriptedS3, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop_cli.uploader.events import Event, Outcome

KIB = 1 << 10


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Parts of 64 KiB, and no pauses."""
    monkeypatch.setattr(parts, "SMALLEST_PART", 64 * KIB)
    monkeypatch.setattr(parts, "MIB", KIB)
    monkeypatch.setattr(sending, "WHOLE_BYTES", 64 * KIB)
    monkeypatch.setattr(uploader, "PAUSE", 0.0)
    monkeypatch.setattr(pacing, "FIRST_WAIT", 0.0)


@pytest.fixture
def s3() -> ScriptedS3:
    return ScriptedS3()


@pytest.fixture
def state_path(tmp_path) -> Path:
    return tmp_path / "state/uploads.sqlite3"


@pytest.fixture
def state(state_path) -> Iterator[UploadState]:
    with UploadState(state_path) as opened:
        yield opened


class NoLedger:
    def archived_file(self, _: object) -> None:
        raise refusal("GetItem", "AccessDeniedException")


@dataclass
class Engine:
    """An uploader and the events that it reported."""

    uploader: Uploader
    events: list[Event] = field(default_factory=list)

    def run(self, *paths: Path, to: str | None = None) -> Outcome:
        return self.uploader.run(Plan(list(paths), Placement.of(to, None, packaged())))


@pytest.fixture
def make_engine(s3, state) -> Iterator[Callable[..., Engine]]:
    engines = []

    def make(opened: UploadState = state, client: object = s3, **options: object) -> Engine:
        class Target:
            landing = "landing"

            def client(self, _: str):
                return client

            def ledger(self):
                return NoLedger()

        events: list[Event] = []
        settings = Options(**{"jobs": 3, "patience": 0.0, **options})
        engines.append(Engine(Uploader(Target(), opened, settings, events.append), events))
        return engines[-1]

    yield make
    for engine in engines:
        engine.uploader.close()


@pytest.fixture
def engine(make_engine) -> Engine:
    return make_engine()


@pytest.fixture
def run(tmp_path) -> Path:
    """A small run folder, with one file of several parts."""
    folder = tmp_path / "20260101_A00123_0045_AHXXXX"
    for name, size in (
        ("RunInfo.xml", 300),
        ("SampleSheet.csv", 200),
        ("InterOp/QMetricsOut.bin", 100),
        ("Data/L001.cbcl", 300 * KIB + 7),
        ("Data/s.locs", 50),
        ("Data/empty.log", 0),
        ("RTAComplete.txt", 0),
        ("CopyComplete.txt", 0),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((name.encode() * (size // len(name) + 1))[:size])
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of each file of a run folder by its key."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {f"runs/{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


@pytest.fixture
def stack(s3, use_target) -> SimpleNamespace:
    target = SimpleNamespace(landing="landing", results="results", endpoint=None, client=lambda _: s3, ledger=NoLedger)
    use_target(target)
    return target
