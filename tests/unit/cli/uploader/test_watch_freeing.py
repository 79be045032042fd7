"""A watch deletes a run once the archive is proven to have each of its files, and reports it without --yes."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from seqdrop_cli.uploader.watch_command import describe_event
from seqdrop_cli.uploader.watch_freeing import WatchFreeing
from seqdrop_cli.uploader.watching import Watcher, WatchSettings

from tests.unit.cli.uploader.test_freeing import archive_all, lose_receipt


class Watch:
    """A watch over the folder of `run`, whose files are quiet."""

    def __init__(self, engine, run, state, tmp_path):
        self.now, self.events, self.run, self.state = datetime(2026, 2, 1, tzinfo=UTC), [], run, state
        for path in run.rglob("*"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        settings = WatchSettings((run.parent,), tmp_path / "spools", 60.0, lambda _: True)
        self.watcher = Watcher(settings, engine.uploader.run, self.events.append, lambda: self.now)
        for _ in range(8):
            self.now += timedelta(minutes=20)
            self.watcher.step()

    def free(self, stack, *, is_deleting: bool) -> WatchFreeing:
        freeing = WatchFreeing(self.watcher, stack, self.state, is_deleting)
        freeing.step()
        return freeing

    @property
    def lines(self) -> list[str]:
        return [describe_event(event).partition("  ")[2] for event in self.events]


@pytest.fixture
def watch(engine, run, state, tmp_path):
    watch = Watch(engine, run, state, tmp_path)
    yield watch
    watch.watcher.close()


def test_a_run_is_deleted_and_no_longer_watched(watch, s3, run):
    watch.free(archive_all(s3), is_deleting=True)
    assert not run.exists()
    assert watch.lines[-1] == f"{run.name}  freed 8 files, 307.9 kB: the archive has them all"
    watch.events.clear()
    watch.now += timedelta(hours=5)
    watch.watcher.step()
    assert watch.events == []


def test_without_yes_a_run_is_reported_once_and_stays(watch, s3, run):
    freeing = watch.free(archive_all(s3), is_deleting=False)
    assert (run / "RunInfo.xml").exists()
    assert watch.lines[-1] == f"{run.name}  could free 8 files, 307.9 kB: the archive has them all"
    count = len(watch.events)
    watch.now += timedelta(hours=2)
    freeing.step()
    assert len(watch.events) == count


def test_a_run_is_looked_at_again_after_an_hour(watch, s3, run):
    stack = archive_all(s3)
    receipts = dict(stack.receipts)
    lose_receipt(stack)
    freeing = watch.free(stack, is_deleting=True)
    stack.receipts.update(receipts)
    watch.now += timedelta(minutes=59)
    freeing.step()
    assert run.exists()
    watch.now += timedelta(minutes=1)
    freeing.step()
    assert not run.exists()


def test_a_file_that_was_not_sent_keeps_the_run(watch, s3, run):
    (run / "Data/notes.txt").write_text("later")
    watch.free(archive_all(s3), is_deleting=True)
    assert (run / "RunInfo.xml").exists()


def test_a_run_that_is_not_complete_is_not_looked_at(watch, s3, run, monkeypatch):
    for run_watch in list(watch.watcher.complete_runs()):
        monkeypatch.setattr(run_watch, "verdict", SimpleNamespace(state="COPYING"))
    watch.free(archive_all(s3), is_deleting=True)
    assert (run / "RunInfo.xml").exists()


def test_a_hidden_file_keeps_its_folder(watch, s3, run):
    (run / "Data/.hidden").write_text("mine")
    watch.free(archive_all(s3), is_deleting=True)
    assert [path.name for path in run.rglob("*") if path.is_file()] == [".hidden"]
