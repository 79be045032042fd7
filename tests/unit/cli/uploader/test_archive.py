"""Files that the archive has are recognised; a new run is not asked about file by file, nor read twice."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop_cli.uploader import archive
from seqdrop_cli.uploader.archive import MOST_MISSES, Archive
from seqdrop_cli.uploader.pacing import Pace
from seqdrop_cli.uploader.records import Item


class FakeLedger:
    """A ledger that has archived some contents; `asked` counts the questions."""

    def __init__(self):
        self.uploads: dict[str, str] = {}
        self.asked = 0

    def add(self, item: Item, content: bytes) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        self.uploads[ArchivedFile.of_file("landing", item.key, len(content), sha256).name] = item.key

    def archived_file(self, file: ArchivedFile) -> ArchivedFile:
        self.asked += 1
        return file.with_upload(self.uploads.get(file.name, ""))

    def find_upload(self, upload: str) -> SimpleNamespace:
        return SimpleNamespace(state="ARCHIVED", version_id=f"version of {upload}", etag="e")


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def files(tmp_path, ledger) -> Archive:
    return Archive(ledger, "landing", Pace())


def make(tmp_path, name: str, content: bytes = b"x", group: str = "runs/r1/") -> Item:
    path = tmp_path / name.replace("/", "_")
    path.write_bytes(content)
    return Item(str(path), f"{group or 'raw/'}{name}", len(content), group)


def test_archived_files_are_found_by_their_content(tmp_path, ledger, files):
    item = make(tmp_path, "a.log")
    ledger.add(item, b"x")
    assert files.find(item).version == "version of runs/r1/a.log"
    (tmp_path / "a.log").write_bytes(b"y")
    assert files.find(item) is None


def test_a_new_run_costs_a_few_questions(tmp_path, ledger, files):
    for number in range(100):
        assert files.find(make(tmp_path, f"{number}.log")) is None
    assert ledger.asked == MOST_MISSES


def test_files_of_an_archived_run_are_all_found_although_some_are_new(tmp_path, ledger, files):
    for number in range(100):
        item = make(tmp_path, f"{number}.log")
        if number % MOST_MISSES:
            ledger.add(item, b"x")
        assert (files.find(item) is not None) == bool(number % MOST_MISSES)


def test_each_folder_outside_runs_and_each_run_is_asked_about(tmp_path, ledger, files):
    for number in range(20):
        files.find(make(tmp_path, f"{number}.fastq", group=""))
    items = [make(tmp_path, "new/a.fastq", group=""), make(tmp_path, "a.log", group="runs/r2/")]
    for item in items:
        ledger.add(item, b"x")
        assert files.find(item) is not None


def test_large_files_of_a_new_run_are_read_once_and_small_ones_do_not_count(tmp_path, ledger, files, monkeypatch):
    monkeypatch.setattr(archive, "LARGE", 10)
    for number in range(20):
        files.find(make(tmp_path, f"{number}.log"))
    asked = ledger.asked
    for number in range(5):
        files.find(make(tmp_path, f"{number}.cbcl", bytes(11)))
    assert ledger.asked == asked + 1


def test_an_unreadable_archive_is_not_asked(tmp_path, ledger):
    assert Archive(ledger, "landing", Pace(), is_readable=False).find(make(tmp_path, "a")) is None
    assert ledger.asked == 0
