"""Runs that DataSync brings: when they are opened, what is copied again, and what the lab gets."""

import pytest
from seqdrop.runtime.events import UnknownEventError
from seqdrop.stages.transfer.source import is_wanted

from tests.unit.stages.runs.conftest import novaseq  # noqa: F401 - a fixture
from tests.unit.stages.runs.world import NAME
from tests.unit.stages.transfer.world import LOOK, START, TransferWorld


@pytest.fixture
def world(monkeypatch) -> TransferWorld:
    return TransferWorld(monkeypatch)


def test_a_run_is_opened_when_its_transfer_ends_though_its_markers_came_first(world, novaseq):  # noqa: F811
    world.write_all(NAME, novaseq)
    world.pass_quiet_time()
    world.message(START)
    paths = sorted(world.datasync.running.waiting, key=lambda path: "Complete" not in path)
    world.copy(*paths[:-1])
    world.wait(120)  # far longer than the grace time of the instrument
    assert world.run().state == "COPYING"
    assert "when the transfer that brings it has ended" in world.run().cause
    assert not world.archived(NAME)
    world.copy()
    world.wait(1)
    assert not world.archived(NAME)
    world.end()
    world.wait(30)
    assert world.run().state == "ARCHIVED"
    assert world.states() == {"ARCHIVED"}
    assert world.run().number == 1
    assert [subject for subject, _ in world.mails] == [f"Seqdrop archived the run {NAME}"]


def test_a_folder_that_no_rule_knows_is_complete_without_a_marker(world):
    world.write("run7", a_txt=b"one", b__c_txt=b"two")
    world.pass_quiet_time()
    assert world.transfer() == ["run7/a.txt", "run7/b/c.txt"]
    world.wait(30)
    assert world.run("runs/run7/").state == "ARCHIVED"


def test_what_was_copied_is_not_copied_again_and_a_new_or_changed_file_is(world):
    world.write("run7", a_txt=b"one", b_txt=b"two")
    world.pass_quiet_time()
    world.transfer()
    world.wait(30)
    copies = world.archived("run7")
    assert world.transfer() == []
    assert len(world.datasync.executions) == 1
    world.write("run7", a_txt=b"ONE", c_txt=b"three")
    world.pass_quiet_time()
    assert world.transfer() == ["run7/a.txt", "run7/c.txt"]
    world.wait(30)
    assert len(world.archived("run7")) == len(copies) + 2
    assert (world.run("runs/run7/").state, world.run("runs/run7/").number) == ("ARCHIVED", 1)


def test_a_copy_on_purpose_is_recognised_as_a_duplicate(world):
    world.write("run7", a_txt=b"one")
    world.pass_quiet_time()
    world.transfer()
    world.wait(30)
    copies = world.archived("run7")
    world.message({"transfer": "start", "all": True})
    world.copy()
    world.end()
    world.wait(30)
    assert world.states() == {"DUPLICATE"}
    assert world.archived("run7") == copies


def test_a_run_that_is_still_written_is_left_for_later_and_temporary_files_are_left_out(world):
    world.write("run7", a_txt=b"one", x_tmp=b"")
    world.write("lost+found", b_txt=b"two")
    world.pass_quiet_time()
    world.write("run8", a_txt=b"three")
    assert world.transfer() == ["run7/a.txt"]
    world.pass_quiet_time()
    assert world.transfer() == ["run8/a.txt"]


@pytest.mark.parametrize(
    ("path", "is_copied"),
    [("a/b.tmp", False), ("a/b.tmpx", True), ("lost+found/x/y", False), ("a/lost+found", True), ("x.tmp/y", False)],
)
def test_patterns_are_those_of_datasync(path, is_copied):
    assert is_wanted(path, "*.tmp|/lost+found") is is_copied


def test_an_execution_that_fails_opens_nothing_and_is_mailed_once(world):
    world.write("run7", a_txt=b"one", b_txt=b"two")
    world.pass_quiet_time()
    for _ in range(2):
        world.message(START)
        world.copy("run7/a.txt")
        world.end("ERROR", failed=1)
        world.wait(60)
    assert world.run("runs/run7/").state in ("SEQUENCING", "COPYING")
    assert not world.archived("run7")
    ((subject, text),) = world.mails
    assert subject == "Seqdrop: the transfer of runs failed"
    assert "1 files failed" in text
    assert "seqdrop transfer start" in text
    assert sorted(world.transfer()) == ["run7/a.txt", "run7/b.txt"]  # DataSync itself leaves out what is there
    world.wait(30)
    assert world.run("runs/run7/").state == "ARCHIVED"
    world.write("run8", a_txt=b"three")
    world.pass_quiet_time()
    world.message(START)
    world.end("ERROR")
    assert [subject for subject, _ in world.mails].count("Seqdrop: the transfer of runs failed") == 2


def test_success_with_files_that_failed_opens_nothing(world):
    world.write("run7", a_txt=b"one", b_txt=b"two")
    world.pass_quiet_time()
    world.message(START)
    world.copy("run7/a.txt")
    world.end(failed=1)
    world.wait(60)
    assert not world.archived("run7")


def test_events_that_are_lost_late_or_repeated_change_nothing(world):
    world.write("run7", a_txt=b"one")
    world.pass_quiet_time()
    world.message(START)
    world.copy()
    world.end(is_announced=False)
    world.wait(60)
    assert not world.archived("run7")
    world.message(LOOK)
    world.wait(30)
    run = world.run("runs/run7/")
    for _ in range(2):
        world.announce(world.datasync.executions[0])
        world.message(LOOK)
        world.wait(30)
    assert world.run("runs/run7/") == run
    assert len(world.mails) == 1
    world.message({"detail-type": "DataSync Task Execution State Change", "detail": {"State": "LAUNCHING"}})
    with pytest.raises(UnknownEventError):
        world.message({"upload": "x"})


def test_one_execution_runs_at_a_time(world):
    world.write("run7", a_txt=b"one")
    world.pass_quiet_time()
    world.message(START)
    world.message(START)
    assert len(world.datasync.executions) == 1


def test_a_file_of_the_next_execution_waits_for_its_end(world):
    """An analysis is added to a run: its marker may come first again."""
    world.write("run7", a_txt=b"one")
    world.pass_quiet_time()
    world.message(START)
    world.copy()
    world.end(is_announced=False)
    world.write("run7", b_txt=b"two", c_txt=b"three")
    world.pass_quiet_time()
    world.message(START)  # processes the end of the first one, too
    world.copy("run7/b.txt")
    world.wait(60)
    assert not world.archived("run7")
    world.copy()
    world.end()
    world.wait(30)
    assert world.run("runs/run7/").state == "ARCHIVED"
    assert world.states() == {"ARCHIVED"}


def test_a_manifest_or_a_marker_of_a_person_does_not_wait(world):
    world.drop("a.txt", b"one", "runs/run9/")
    world.drop("seqdrop-complete.txt", b"", "runs/run9/")
    world.wait(30)
    assert world.run("runs/run9/").state == "ARCHIVED"
    world.drop("seqdrop-manifest.json", b'{"files": [{"name": "a.txt"}]}', "runs/run10/")
    world.drop("a.txt", b"two", "runs/run10/")
    world.wait(30)
    assert world.run("runs/run10/").state == "ARCHIVED"


def test_always_opens_also_runs_whose_rule_does_not(monkeypatch, novaseq):  # noqa: F811
    files = {name: body for name, body in novaseq.items() if "Complet" not in name and not name.startswith("Analysis")}
    for opens, state in (("rule", "SEQUENCING"), ("always", "ARCHIVED")):
        world = TransferWorld(monkeypatch, transfer_opens=opens)
        world.write_all(NAME, files)
        world.pass_quiet_time()
        world.transfer()
        world.wait(60)
        assert world.run().state == state


def test_an_agent_that_is_offline_is_mailed_once(monkeypatch):
    world = TransferWorld(monkeypatch, transfer_source="")
    world.datasync.is_online = False
    for _ in range(2):
        world.message(START)
    ((_, text),) = world.mails
    assert "its agent is offline" in text
    assert not world.datasync.executions


def test_archived_runs_of_a_share_are_excluded_by_what_the_archive_has(monkeypatch):
    world = TransferWorld(monkeypatch, transfer_source="")
    world.write("run7", reads__a_txt=b"one", small_txt=b"two", large_txt=b"x" * 1_000_001)
    world.transfer()
    world.wait(30)
    assert world.run("runs/run7/").state == "ARCHIVED"
    world.message(START)
    (excludes,) = world.datasync.running.request["Excludes"]
    assert excludes["FilterType"] == "SIMPLE_PATTERN"
    patterns = excludes["Value"].split("|")
    assert patterns[:2] == ["*.tmp", "/lost+found"]
    assert "/run7/large.txt" in patterns
    assert not any(pattern in ("/run7", "/run7/small.txt") for pattern in patterns)
