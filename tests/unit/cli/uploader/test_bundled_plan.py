"""`seqdrop upload` of a run sends its small files in bundles, once, and everything else as it is."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from seqdrop.runs import bundle_policy
from seqdrop.runs.bundle_index import is_bundle, is_index, read_index
from seqdrop_cli.errors import CommandError
from seqdrop_cli.uploader.bundled_plan import BundledPlan
from seqdrop_cli.uploader.bundling import BundleSpool
from seqdrop_cli.uploader.events import FINISHED, Event
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.run_bundles import name_spool, spool_folder

PREFIX = "runs/r84028_20240920_100000/"


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    """A run with two SMRT cells, each with logs of its own."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(bundle_policy, "LEAST_FILES", 3)
    run = tmp_path / "disk" / "r84028_20240920_100000"
    for cell in ("1_A01", "1_B01"):
        for name in ("metadata/m.transferdone", "hifi_reads/m.bam", "logs/1.log", "logs/2.log", "logs/3.log"):
            path = run / cell / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
    return run


def make(run: Path, **options) -> BundledPlan:
    events: list[Event] = []
    plan = Plan([run], Placement.of(), is_run=True)
    return BundledPlan(plan, spool_folder(run.parent.parent / "state.sqlite3", "landing"), events.append, **options)


def send(plan: BundledPlan) -> dict[str, bytes]:
    """Return what is sent, by key, in the order in which it is sent."""
    sent = {}
    for units in (plan.early(), plan.usual(), plan.last()):
        for unit in units:
            for item in unit:
                sent[item.key] = Path(item.path).read_bytes()
                plan.take(Event(FINISHED, {"key": item.key}))
    return sent


def test_each_cell_has_a_bundle_and_sequences_and_markers_are_objects(run):
    with closing(make(run)) as plan:
        sent = send(plan)
        assert plan.describe() == ["6 small files were sent in bundles: 2"]
    bundles = [key for key in sent if is_bundle(key)]
    assert [key.removeprefix(PREFIX).partition("/")[0] for key in bundles] == ["1_A01", "1_B01"]
    for index in filter(is_index, sent):
        assert [entry.name for entry in read_index(sent[index], index).entries] == [f"logs/{n}.log" for n in (1, 2, 3)]
    others = [key.removeprefix(PREFIX) for key in sent if not is_bundle(key) and not is_index(key)]
    assert others[:2] == ["1_A01/hifi_reads/m.bam", "1_B01/hifi_reads/m.bam"]
    assert set(list(sent)[-2:]) == {f"{PREFIX}1_A01/metadata/m.transferdone", f"{PREFIX}1_B01/metadata/m.transferdone"}


def test_files_in_bundles_are_not_sent_twice_unless_again(run):
    with closing(make(run)) as plan:
        first = send(plan)
    with closing(make(run)) as plan:
        assert not any(map(is_bundle, send(plan)))
        assert plan.describe() == ["6 small files are in bundles that were sent before"]
    with closing(make(run, again=True)) as plan:
        assert send(plan) == first


def test_a_bundle_that_was_not_sent_is_offered_again(run):
    with closing(make(run)) as plan:
        bundles = [unit for unit in plan.usual() if is_bundle(unit[0].key)]
    with closing(make(run)) as plan:
        assert [unit for unit in plan.usual() if is_bundle(unit[0].key)] == bundles


def test_a_file_that_changes_while_it_is_packed_is_sent_by_itself(run):
    with closing(make(run)) as plan:
        units = plan.usual()
        log = run / "1_A01/logs/2.log"

        def change(*arguments):
            if log.read_bytes() != b"changed":
                log.write_bytes(b"changed")

        original = BundleSpool.pack
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BundleSpool, "pack", lambda spool, *words: change() or original(spool, *words))
            keys = [item.key for unit in units for item in unit]
    assert f"{PREFIX}1_A01/logs/2.log" in keys
    assert f"{PREFIX}1_A01/logs/1.log" not in keys


def test_without_bundles_the_plan_is_unchanged(run):
    with closing(make(run, is_bundling=False)) as plan:
        assert list(plan.usual()) == list(Plan([run], Placement.of(), is_run=True).usual())


def test_a_run_that_another_process_uploads_is_an_error_that_says_so(run):
    with (
        closing(make(run)) as plan,
        closing(BundleSpool(plan.spools / name_spool(run))),
        pytest.raises(CommandError, match="another process on this computer uploads it"),
    ):
        list(plan.usual())
