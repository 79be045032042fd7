"""The spool of a run: after a crash at any point, a bundle is sent or packed again, and never forgotten."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta

import pytest
from seqdrop.runs.bundle_policy import Bundle
from seqdrop_cli.uploader.bundling import BundleSpool, SpoolTakenError

from tests.unit.runs.packing import NOON, MemoryFolder

CONTENTS = {"a.log": b"a", "b/c.log": b"c", "d.log": b"d"}


class KilledError(BaseException):
    """The process was killed."""


@pytest.fixture
def source() -> MemoryFolder:
    return MemoryFolder(CONTENTS)


@pytest.fixture(autouse=True)
def disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def bundle(source: MemoryFolder, folder: str = "Analysis/1") -> Bundle:
    return Bundle(folder, tuple(source.files), is_full=True)


def names_on_disk(path) -> list[str]:
    return sorted(file.name.partition(".")[2] for file in path.rglob("*") if file.is_file() and file.name != "lock")


def test_a_bundle_is_unsent_until_it_is_finished_and_known_afterwards(tmp_path, source):
    with closing(BundleSpool(tmp_path)) as spool:
        packed, changed = spool.pack(bundle(source), source)
        assert (packed.folder, changed, spool.unsent) == ("Analysis/1", [], [packed])
    with closing(BundleSpool(tmp_path)) as spool:
        assert spool.unsent == [packed]
        spool.finish(packed)
        assert spool.unsent == []
    with closing(BundleSpool(tmp_path)) as spool:
        assert spool.unsent == []
        for file in bundle(source).run_files:
            assert spool.has(file)
        assert not spool.has(source.look("a.log"))  # it is another file: the one at the top of the run
    assert names_on_disk(tmp_path) == ["tar.index.tsv"]


@pytest.mark.parametrize("step", range(1, 4))
def test_a_crash_while_a_bundle_is_written_leaves_a_whole_bundle_or_nothing(tmp_path, source, monkeypatch, step):
    steps = []

    def crash(descriptor):
        steps.append(descriptor)
        if len(steps) == step:
            raise KilledError

    monkeypatch.setattr(os, "fsync", crash)
    monkeypatch.setattr("pathlib.Path.unlink", lambda path, missing_ok=False: None)  # a killed process cleans nothing
    with closing(BundleSpool(tmp_path)) as spool, pytest.raises(KilledError):
        spool.pack(bundle(source), source)
    monkeypatch.undo()
    assert names_on_disk(tmp_path)

    with closing(BundleSpool(tmp_path)) as spool:
        assert spool.unsent == []
        assert not any(map(spool.has, bundle(source).run_files))
        assert names_on_disk(tmp_path) == []


@pytest.mark.parametrize("suffix", [".tar", ".tsv"])
def test_a_bundle_that_a_power_failure_has_damaged_is_packed_again(tmp_path, source, suffix):
    with closing(BundleSpool(tmp_path)) as spool:
        packed, _ = spool.pack(bundle(source), source)
    path = packed.tar if suffix == ".tar" else packed.index
    path.write_bytes(bytes(100) + path.read_bytes()[100:])

    with closing(BundleSpool(tmp_path)) as spool:
        assert spool.unsent == []
        again, _ = spool.pack(bundle(source), source)
        assert spool.unsent == [again]


def test_files_that_change_while_they_are_packed_are_left_out_and_named(tmp_path, source):
    files = bundle(source)
    source.on_open = lambda name: source.times.update({"d.log": NOON + timedelta(seconds=1)})
    with closing(BundleSpool(tmp_path)) as spool:
        packed, changed = spool.pack(files, source)
        assert changed == ["d.log"]
        assert [spool.has(file) for file in files.run_files] == [True, True, False]
        assert spool.unsent == [packed]


def test_a_bundle_whose_files_all_vanished_is_none(tmp_path, source):
    files = bundle(source)
    source.contents.clear()
    with closing(BundleSpool(tmp_path)) as spool:
        assert spool.pack(files, source) == (None, ["a.log", "b/c.log", "d.log"])
        assert spool.unsent == []


def test_a_full_disk_is_an_error_that_leaves_nothing_behind(tmp_path, source, monkeypatch):
    def fill(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    with closing(BundleSpool(tmp_path)) as spool:
        with pytest.raises(OSError, match="No space"):
            spool.pack(bundle(source), source)
        assert spool.unsent == []
    assert names_on_disk(tmp_path) == []


def test_only_one_process_has_a_spool(tmp_path):
    with closing(BundleSpool(tmp_path)), pytest.raises(SpoolTakenError):
        BundleSpool(tmp_path)
    BundleSpool(tmp_path).close()
