"""A watch sends a run while it grows, its markers last, each file once, whatever happens meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.runs import bundle_policy
from seqdrop.runs.bundle_index import is_bundle
from seqdrop_cli.uploader.disk import DiskFolder
from seqdrop_cli.uploader.failures import UploadFailedError
from seqdrop_cli.uploader.watching import find_runs

from tests.unit.cli.uploader.watched import MARKERS, RUN, RUN_INFO, STATUS, KilledError, World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world(tmp_path, monkeypatch) -> Iterator[World]:
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(bundle_policy, "SMALL", 1000)
    monkeypatch.setattr(bundle_policy, "LEAST_FILES", 3)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    world = World(tmp_path / "disk", tmp_path / "spools")
    yield world
    world.close()


def states(world: World) -> list[str]:
    return [event.facts["state"] for event in world.events if event.kind == "run"]


def problems(world: World) -> list[str]:
    return [event.facts["reason"] for event in world.events if event.kind == "problem"]


def test_a_run_that_was_complete_before_the_first_look_is_sent_whole(world):
    # It began and ended between two looks, or while the computer was off.
    world.sequence()
    world.finish()
    world.pass_time(hours=24)

    world.run(seconds=1)

    world.check_whole()
    assert world.names()[:2] == ["InterOp/QMetricsOut.bin", "RunInfo.xml"]
    assert set(world.names()[-3:]) == set(MARKERS)
    assert states(world) == ["COMPLETE"]
    assert sum(map(is_bundle, world.keys)) == 1


def test_a_run_that_grows_is_sent_while_it_sequences_and_its_markers_last(world):
    world.sequence()
    world.run(seconds=300)
    early = world.names()
    assert early == [
        "InterOp/QMetricsOut.bin",
        "RunInfo.xml",
        "Data/Intensities/BaseCalls/L001/L001_1.cbcl",
        "Data/s_1.fastq.gz",
    ]

    for cycle in range(5, 9):
        world.write(f"Thumbnail_Images/L001/C{cycle}.jpg", b"image")
        world.run(seconds=600)
    assert world.names() == early  # too few for a full bundle
    world.finish()
    world.run(seconds=24 * 3600)

    world.check_whole()
    assert states(world)[0] == "SEQUENCING"
    assert states(world)[-1] == "COMPLETE"


def test_full_bundles_leave_before_the_run_is_complete(world, monkeypatch):
    monkeypatch.setattr(bundle_policy, "FULL_FILES", 4)
    world.sequence(calls=11)

    world.run(seconds=600)

    assert sum(map(is_bundle, world.keys)) == 2
    assert not list(world.spools.rglob("*.tar"))
    world.finish()
    world.run(seconds=24 * 3600)
    world.check_whole()


def test_many_bundles_do_not_fill_the_disk(world, monkeypatch):
    monkeypatch.setattr(bundle_policy, "FULL_FILES", 3)
    most = 0

    def count(path):
        nonlocal most
        most = max(most, len(list(world.spools.rglob("*.tar"))))

    world.before_read = count
    world.sequence(calls=60)
    world.finish()
    world.pass_time(hours=24)
    world.run(seconds=1)

    world.check_whole()
    assert sum(map(is_bundle, world.keys)) == 20
    assert most == 1


def test_a_file_that_is_still_written_waits_and_so_do_the_markers(world):
    world.sequence()
    world.finish()
    world.pass_time(hours=24)
    for _ in range(20):
        world.write("Logs/late.log", os.urandom(10))
        world.run(seconds=30)
    assert not {*MARKERS, "Logs/late.log"} & set(world.names())
    assert any(event.facts.get("waiting") == "files are still written" for event in world.events)

    world.run(seconds=3600)

    world.check_whole()


def test_an_outcome_that_is_still_written_keeps_all_markers_back(world):
    world.sequence()
    world.finish()
    world.pass_time(hours=24)
    for _ in range(20):
        world.write(
            "RunCompletionStatus.xml", STATUS + b" " * (world.now.second + 1), age=-3600
        )  # a clock ahead of ours
        world.run(seconds=31)
    assert not set(MARKERS) & set(world.names())
    world.run(seconds=86_400)
    world.check_whole()


def test_a_share_with_a_clock_ahead_of_ours_is_no_obstacle(world):
    world.sequence()
    world.write("future.txt", b"written tomorrow", age=-86_400)
    world.finish()
    world.run(seconds=3 * 86_400)
    world.check_whole()


def test_a_file_that_changed_after_it_was_sent_is_sent_again_when_the_run_is_complete(world):
    world.sequence()
    world.run(seconds=600)
    for _ in range(5):
        world.write("InterOp/QMetricsOut.bin", os.urandom(20))
        world.run(seconds=600)
    assert Counter(world.names())["InterOp/QMetricsOut.bin"] == 1
    world.finish()
    world.run(seconds=86_400)

    assert world.contents() == world.on_disk()
    assert Counter(world.names())["InterOp/QMetricsOut.bin"] == 2


def test_a_bundled_file_that_changes_is_sent_again(world):
    world.sequence()
    world.finish()
    world.run(seconds=86_400)
    world.write("Thumbnail_Images/L001/C2.jpg", b"a better image")
    world.run(seconds=86_400)

    assert world.contents() == world.on_disk()
    assert len(world.names()) == len(world.on_disk()) + 1


def test_a_bundled_file_that_becomes_older_is_sent_once_more_and_not_for_ever(world):
    world.sequence()
    world.finish()
    world.run(seconds=86_400)
    for number in range(3):
        world.write(f"Thumbnail_Images/L001/C{number}.jpg", b"from a backup", age=10 * 86_400)
    world.run(seconds=86_400)
    world.restart()
    world.run(seconds=86_400)
    assert Counter(world.names())["Thumbnail_Images/L001/C2.jpg"] == 2


def test_an_analysis_that_comes_weeks_later_is_sent_with_its_own_markers_last(world):
    world.sequence()
    world.finish()
    world.run(seconds=86_400)
    world.check_whole()
    before = len(world.sent)
    world.pass_time(hours=24 * 20)
    for number in range(4):
        world.write(f"Analysis/1/Data/logs/{number}.log", b"log")
    world.run(seconds=2 * 3600)
    assert len(world.sent) == before
    world.write("Analysis/1/Data/Secondary_Analysis_Complete.txt")
    world.write("Analysis/1/CopyComplete.txt")
    world.write("Analysis/1/Manifest.tsv", "".join(f"Data/logs/{n}.log\t{0xC0E2E1E1:08x}\n" for n in range(4)).encode())
    world.run(seconds=2 * 86_400)

    assert world.contents() == world.on_disk()
    assert any(key.startswith(f"runs/{RUN}/Analysis/1/seqdrop-bundle-") for key in world.keys[before:])
    markers = [
        "Data/Secondary_Analysis_Complete.txt",
        "CopyComplete.txt",
        "Manifest.tsv",
    ]  # those of inner folders first
    assert world.names()[-3:] == [f"Analysis/1/{marker}" for marker in markers]


def test_a_failure_keeps_the_markers_back_until_the_file_is_sent(world):
    world.sequence()
    world.finish()
    world.pass_time(hours=24)
    world.refused = {f"runs/{RUN}/Data/s_1.fastq.gz"}
    world.run(seconds=7200)
    assert not set(MARKERS) & set(world.names())
    assert not world.watcher.is_complete

    world.refused = set()
    world.run(seconds=7200)
    world.check_whole()


def test_a_file_that_is_renamed_while_it_is_watched_arrives_under_its_new_name(world):
    world.sequence()
    folder = world.root / RUN / "Data"
    world.before_read = lambda path: (
        (folder / "s_1.fastq.gz").rename(folder / "s_2.fastq.gz")
        if path.endswith(".cbcl") and (folder / "s_1.fastq.gz").exists()
        else None
    )
    world.finish()
    world.run(seconds=86_400)
    world.check_whole()


def test_files_that_change_or_vanish_while_they_are_packed_are_left_for_later(world):
    world.sequence(calls=8)
    world.finish()
    world.pass_time(hours=24)
    images = world.root / RUN / "Thumbnail_Images/L001"

    def change(path):
        if path.endswith(".fastq.gz"):
            world.before_read = lambda path: None
            (images / "C3.jpg").unlink()
            world.write("Thumbnail_Images/L001/C5.jpg", b"written again")

    world.before_read = change
    world.run(seconds=10)
    assert not set(MARKERS) & set(world.names())
    assert "Thumbnail_Images/L001/C5.jpg" not in world.names()
    world.run(seconds=7200)
    world.check_whole()


def test_a_run_that_is_renamed_is_reported_and_sent_under_its_new_name(world):
    world.sequence()
    world.run(seconds=300)
    renamed = f"{RUN}_wrong_flow_cell"
    (world.root / RUN).rename(world.root / renamed)
    world.run(seconds=600)
    for marker in MARKERS:
        world.write(marker, run=renamed)
    world.run(seconds=86_400)

    assert problems(world) == ["it was renamed or deleted; what was sent of it stays"]
    contents = {name: body for name, body in world.contents(renamed).items() if not name.startswith("runs/")}
    assert contents == world.on_disk(renamed)


def test_a_second_watcher_leaves_the_run_to_the_first_until_that_ends(world):
    world.sequence()
    first = world.watcher
    world.run(seconds=300)
    count = len(world.sent)

    second = world.start()
    world.finish()
    world.run(seconds=86_400)
    assert len(world.sent) == count
    assert set(problems(world)) == {"another process on this computer uploads it; this one waits for its end"}
    assert len(problems(world)) <= 25  # once an hour

    first.close()
    assert second is world.watcher
    world.run(seconds=86_400)
    world.check_whole()


def test_a_folder_that_cannot_be_read_is_a_problem_and_not_the_end(world):
    world.sequence()
    world.run(seconds=300)
    moved = world.root.with_name("unmounted")
    world.root.rename(moved)
    world.run(seconds=300)
    assert any("does not exist" in reason for reason in problems(world))
    moved.rename(world.root)
    world.finish()
    world.run(seconds=86_400)
    world.check_whole()


def test_a_run_that_may_not_be_read_is_a_problem_and_not_the_end(world, monkeypatch):
    world.sequence()
    world.finish()
    world.pass_time(hours=24)
    with monkeypatch.context() as patch:
        patch.setattr(DiskFolder, "scan", lambda folder: (_ for _ in ()).throw(PermissionError(13, "not yours")))
        world.run(seconds=600)
    assert problems(world) == ["not yours"]
    world.run(seconds=600)
    world.check_whole()


def test_a_network_that_is_gone_is_a_problem_and_not_the_end(world):
    world.sequence()
    world.finish()
    world.pass_time(hours=24)
    send, world.watcher.send = world.send, lambda work: (_ for _ in ()).throw(UploadFailedError("no network"))
    world.run(seconds=600)
    assert problems(world) == ["no network"]
    world.watcher.send = send
    world.run(seconds=600)
    world.check_whole()


def test_excluded_files_do_not_keep_the_markers_back(world):
    world.start(takes=lambda name: not name.startswith("Thumbnail_Images/"))
    world.sequence()
    world.finish()
    world.run(seconds=86_400)
    assert world.contents() == {k: v for k, v in world.on_disk().items() if not k.startswith("Thumbnail")}


def test_without_bundles_each_file_is_an_object(world):
    world.start(bundles=False)
    world.sequence()
    world.finish()
    world.run(seconds=86_400)
    world.check_whole()
    assert len(world.keys) == len(world.on_disk())


@settings(max_examples=25)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(3, 5))
def test_a_watch_that_is_killed_at_any_point_goes_on_without_sending_anything_twice(deaths, full):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_policy, "FULL_FILES", full)
        patch.setattr(bundle_policy, "SMALL", 1000)
        patch.setattr(bundle_policy, "LEAST_FILES", 3)
        patch.setattr(os, "fsync", lambda descriptor: None)
        Path(folder, "disk").mkdir()
        world = World(Path(folder, "disk"), Path(folder, "spools"))
        world.sequence(calls=9)
        world.finish()
        world.pass_time(hours=24)
        for after in deaths:
            world.kill_after = len(world.sent) + after
            try:
                world.run(seconds=1)
            except KilledError:
                world.restart()
        world.kill_after = None
        world.run(seconds=86_400)
        world.check_whole()
        world.close()
        assert not list(world.spools.rglob("*.tar"))


def test_an_idle_watch_takes_two_percent_of_a_core(world):
    world.sequence()
    world.finish()
    world.run(seconds=86_400)
    looks = 0

    class Costly:
        def __call__(self) -> float:
            nonlocal looks
            looks += 1
            return looks * 1.5  # seconds for each look, and for each search

    world.watcher.cpu = Costly()
    world.run(seconds=86_400)
    assert looks * 1.5 / 2 / 86_400 <= 0.02


def test_runs_are_found_below_experiments_and_not_inside_runs(tmp_path):
    ont = ("exp/sample/b/final_summary_x.txt", "exp/sample/b/deep/RunInfo.xml")
    others = ("too/many/levels/below/RunInfo.xml", ".hidden/RunInfo.xml", "no_run/file.txt")
    for name in ("a/RunInfo.xml", *ont, "c/1_A01/metadata/m.transferdone", *others):
        path = tmp_path / "disk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    names = [path.relative_to(tmp_path / "disk").as_posix() for path in find_runs(tmp_path / "disk")]
    assert names == ["a", "c", "exp/sample/b"]
    assert list(find_runs(tmp_path / "disk/a")) == [tmp_path / "disk/a"]


def test_a_run_folder_may_be_named_itself(world):
    world.sequence()
    world.finish()
    world.pass_time(hours=24)
    world.start(folder=world.root / RUN)
    world.run(seconds=1)
    world.check_whole()


def test_two_runs_are_both_sent(world):
    other = RUN.replace("0183", "0184")
    world.sequence()
    shutil.copytree(world.root / RUN, world.root / other)
    (world.root / other / "RunInfo.xml").write_bytes(RUN_INFO)
    world.finish()
    world.run(seconds=86_400)
    first = [entry for entry in world.sent if entry[0].startswith(f"runs/{RUN}/")]
    second = [entry for entry in world.sent if entry[0].startswith(f"runs/{other}/")]
    world.sent = first
    world.check_whole()
    assert {key.rpartition("/")[2] for key, _ in second} & set(MARKERS) == set()
    assert len(second) >= 4
