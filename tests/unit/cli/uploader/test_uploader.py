"""The engine: each file arrives once and whole, markers come last, and a second run continues the first."""

from __future__ import annotations

import json
import os
import threading

import pytest
from botocore.exceptions import EndpointConnectionError
from seqdrop.stages.duplicates import AGAIN
from seqdrop.uploads import upload_id
from seqdrop_cli.uploader.failures import UploadFailedError
from seqdrop_cli.uploader.reports import describe_outcome
from seqdrop_cli.uploader.state import StateError, UploadState

from tests.unit.cli.uploader.conftest import files_of
from tests.unit.cli.uploader.scripted_s3 import ScriptedS3, crc32, refusal

LARGE = "Data/L001.cbcl"


def arrived(s3: ScriptedS3) -> dict[str, bytes]:
    assert all(len(versions) == 1 for versions in s3.versions.values())
    assert not s3.uploads
    return {key: bodies[0] for key in s3.versions if (bodies := s3.bodies(key))}


def test_every_file_of_a_run_arrives_once_and_whole(engine, s3, run):
    outcome = engine.run(run)
    assert outcome.is_complete
    assert arrived(s3) == files_of(run)
    assert (outcome.sent, outcome.sent_bytes) == (8, sum(map(len, files_of(run).values())))


def test_early_files_come_first_and_markers_last(make_engine, s3, run):
    make_engine(jobs=1).run(run)
    names = [key.partition(f"{run.name}/")[2] for key in s3.order()]
    assert set(names[:3]) == {"RunInfo.xml", "SampleSheet.csv", "InterOp/QMetricsOut.bin"}
    assert set(names[-2:]) == {"RTAComplete.txt", "CopyComplete.txt"}


def test_no_marker_comes_before_the_last_byte_of_a_large_file(engine, s3, run):
    waiting = threading.Event()

    def before(operation: str, arguments: dict) -> None:
        if operation == "upload_part" and arguments["PartNumber"] == 5:
            waiting.wait(0.2)

    s3.before = before
    engine.run(run)
    assert {key.rpartition("/")[2] for key in s3.order()[-2:]} == {"RTAComplete.txt", "CopyComplete.txt"}


def test_a_second_run_sends_nothing(engine, make_engine, s3, run):
    engine.run(run)
    before = s3.count
    outcome = make_engine().run(run)
    assert (outcome.sent, outcome.skipped, outcome.is_complete) == (0, {"sent before": 8}, True)
    assert s3.count == before


def test_again_sends_everything_with_the_metadata_that_validate_reads(engine, make_engine, s3, run):
    engine.run(run)
    make_engine(again=True).run(run)
    assert {len(versions) for versions in s3.versions.values()} == {2}
    assert {tuple(versions[-1]["meta"].items()) for versions in s3.versions.values()} == {((AGAIN, "1"),)}


def test_a_changed_file_is_sent_again_and_the_others_are_not(engine, make_engine, s3, run):
    engine.run(run)
    (run / "SampleSheet.csv").write_text("another")
    assert make_engine().run(run).sent == 1
    assert s3.bodies(f"runs/{run.name}/SampleSheet.csv")[-1] == b"another"


@pytest.mark.parametrize("may_list", [True, False])
def test_parts_that_s3_has_are_not_sent_again(make_engine, state_path, s3, run, may_list):
    """The connection breaks at the fourth part; the next process sends the parts that are missing."""

    def break_off(operation: str, arguments: dict) -> None:
        if operation == "upload_part" and arguments["PartNumber"] == 4:
            raise EndpointConnectionError(endpoint_url="https://s3")

    s3.before = break_off
    with pytest.raises(UploadFailedError, match="could not be uploaded"):
        make_engine(jobs=1).run(run / LARGE)
    s3.before = lambda operation, _: (
        (_ for _ in ()).throw(refusal(operation, "AccessDenied"))
        if (operation == "list_parts" and not may_list)
        else None
    )
    sent = s3.count["upload_part"]
    with UploadState(state_path) as opened:
        assert make_engine(opened, jobs=1).run(run).is_complete
    numbers = [arguments["PartNumber"] for operation, arguments in s3.calls if operation == "upload_part"]
    before = set(numbers[:sent])  # the fifth may have been on its way when the fourth failed
    assert sorted(numbers[sent:]) == sorted({4, 5} - (before - {4}))
    assert arrived(s3) == files_of(run)


def test_a_lost_state_file_costs_no_parts(make_engine, state_path, tmp_path, s3, run):
    test_error = EndpointConnectionError(endpoint_url="https://s3")

    def break_off(operation: str, arguments: dict) -> None:
        if operation == "complete_multipart_upload":
            raise test_error

    s3.before = break_off
    with pytest.raises(UploadFailedError):
        make_engine().run(run / LARGE)
    s3.before, sent = (lambda *_: None), s3.count["upload_part"]
    with UploadState(tmp_path / "new.sqlite3") as opened:
        assert make_engine(opened).run(run).is_complete
    assert s3.count["upload_part"] == sent == 5
    assert arrived(s3) == files_of(run)


def test_a_part_with_other_bytes_is_sent_again(make_engine, tmp_path, s3, run):
    """The state file was lost, and the file was written anew with the same size."""

    def break_off(operation: str, _: dict) -> None:
        if operation == "complete_multipart_upload":
            raise EndpointConnectionError(endpoint_url="https://s3")

    s3.before = break_off
    with pytest.raises(UploadFailedError):
        make_engine().run(run / LARGE)
    s3.before, sent = (lambda *_: None), s3.count["upload_part"]
    with (run / LARGE).open("r+b") as file:
        file.seek(70_000)
        file.write(b"other")
    with UploadState(tmp_path / "new.sqlite3") as opened:
        assert make_engine(opened).run(run).is_complete
    assert s3.count["upload_part"] == sent + 1
    assert arrived(s3) == files_of(run)


@pytest.mark.parametrize("name", ["RunInfo.xml", LARGE])
def test_other_bytes_of_the_same_size_become_a_new_version(engine, tmp_path, make_engine, s3, run, name):
    engine.run(run)
    with (run / name).open("r+b") as file:
        file.write(b"other")
    with UploadState(tmp_path / "of-another-machine.sqlite3") as opened:
        outcome = make_engine(opened).run(run)
    assert (outcome.sent, outcome.skipped) == (1, {"in the landing bucket already": 7})
    assert s3.bodies(f"runs/{run.name}/{name}")[-1] == (run / name).read_bytes()


@pytest.mark.parametrize("operation", ["put_object", "complete_multipart_upload"])
def test_a_lost_response_makes_no_second_version(make_engine, state_path, s3, run, operation):
    """S3 has the object, but the process did not learn of it."""
    lost = []

    def lose(name: str, _: dict) -> None:
        if name == operation and not lost:
            lost.append(name)
            raise EndpointConnectionError(endpoint_url="https://s3")

    s3.after = lose
    with pytest.raises(UploadFailedError):
        make_engine(jobs=1).run(run)
    with UploadState(state_path) as opened:
        assert make_engine(opened).run(run).is_complete
    assert arrived(s3) == files_of(run)


def test_the_same_bytes_under_the_same_key_are_there_already(engine, tmp_path, make_engine, s3, run):
    engine.run(run)
    with UploadState(tmp_path / "of-another-machine.sqlite3") as opened:
        outcome = make_engine(opened).run(run)
    assert outcome.skipped == {"in the landing bucket already": 8}
    assert arrived(s3) == files_of(run)


def test_without_permission_to_read_other_bytes_are_never_taken_for_the_file(make_engine, s3, run):
    key = f"runs/{run.name}/RunInfo.xml"
    s3.put_object(Bucket="landing", Key=key, Body=b"other", ChecksumCRC32=crc32(b"other"))  # of a run of the same name

    def deny(operation: str, _: dict) -> None:
        if operation == "head_object":
            raise refusal(operation, "403", 403)

    s3.before = deny
    assert make_engine().run(run).is_complete
    assert s3.bodies(key) == [b"other", (run / "RunInfo.xml").read_bytes()]


@pytest.mark.parametrize("name", ["RunInfo.xml", LARGE])
def test_a_file_that_changes_while_it_is_read_is_never_completed_torn(make_engine, s3, run, name, monkeypatch):
    """It changes once: the second try sends the new bytes."""
    from seqdrop_cli.uploader import sending

    read, changed = sending.read_block, []

    def read_and_change(file, count):
        block = read(file, count)
        if file.name.endswith(name) and not changed:
            changed.append(True)
            with (run / name).open("ab") as more:
                more.write(b"+" * 70_000)
        return block

    monkeypatch.setattr(sending, "read_block", read_and_change)
    assert make_engine().run(run).is_complete
    assert arrived(s3) == files_of(run)


def test_a_file_that_is_always_written_is_left_with_the_markers(make_engine, s3, run, monkeypatch):
    from seqdrop_cli.uploader import sending

    read = sending.read_block

    def read_and_change(file, count):
        if file.name.endswith(LARGE):
            with (run / LARGE).open("ab") as more:
                more.write(b"+")
        return read(file, count)

    monkeypatch.setattr(sending, "read_block", read_and_change)
    outcome = make_engine().run(run)
    assert outcome.unsent == {
        "it changed while it was read": 1,
        "a marker: other files of its folder are not sent yet": 2,
    }
    assert not s3.uploads
    assert not [key for key in s3.versions if "Complete" in key or key.endswith(".cbcl")]


def test_young_files_are_left_with_the_markers(make_engine, s3, run):
    for path in run.rglob("*"):
        os.utime(path, (1, 1))
    os.utime(run / "Data/s.locs")
    outcome = make_engine(min_age=60).run(run)
    assert outcome.unsent == {"still being written": 1, "a marker: other files of its folder are not sent yet": 2}
    os.utime(run / "Data/s.locs", (1, 1))
    assert make_engine(min_age=60).run(run).is_complete


def test_a_file_that_cannot_be_read_fails_alone_and_keeps_the_markers_back(engine, s3, run):
    (run / "Data/s.locs").unlink()
    (run / "Data/s.locs").symlink_to(run / "nowhere")
    (run / "Data" / os.fsdecode(b"\xff.bin")).write_bytes(b"x")
    outcome = engine.run(run)
    reasons = dict(outcome.failures)
    assert "does not exist" in reasons[f"runs/{run.name}/Data/s.locs"]
    assert [reason for key, reason in outcome.failures if "s.locs" not in key] == ["its name is not UTF-8; rename it"]
    assert len("\n".join(describe_outcome(outcome, 1.0)).encode()) > 0
    assert not [key for key in s3.versions if "Complete" in key]


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "ExpiredToken", "InvalidAccessKeyId"])
def test_an_error_that_concerns_all_files_ends_the_upload_at_once(make_engine, s3, run, code):
    def refuse(operation: str, _: dict) -> None:
        raise refusal(operation, code, 403)

    s3.before = refuse
    with pytest.raises(UploadFailedError, match=code):
        make_engine(jobs=1).run(run)
    assert len(s3.calls) == 1


def test_an_error_of_one_file_does_not_end_the_others(engine, s3, run):
    def refuse(operation: str, arguments: dict) -> None:
        if arguments.get("Key", "").endswith("s.locs"):
            raise refusal(operation, "KeyTooLongError")

    s3.before = refuse
    outcome = engine.run(run)
    assert (outcome.failed, outcome.sent) == (1, 5)
    assert "KeyTooLongError" in outcome.failures[0][1]


def test_two_uploaders_of_one_folder_send_each_file_once(make_engine, state_path, s3, run):
    outcomes = []

    def send() -> None:
        with UploadState(state_path) as opened:
            outcomes.append(make_engine(opened).run(run))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived(s3) == files_of(run)
    assert all(outcome.is_complete for outcome in outcomes)
    assert sum(outcome.sent for outcome in outcomes) == 8
    assert s3.count["put_object"] == 7
    assert s3.count["upload_part"] == 5


def test_a_full_disk_loses_nothing(make_engine, state, state_path, s3, run):
    state._database.execute("PRAGMA max_page_count=1")
    for number in range(300):
        (run / f"Data/{number}.filter").write_bytes(b"x" * number)
    with pytest.raises(StateError, match="the disk is full: free some space and repeat the command"):
        make_engine().run(run)
    with UploadState(state_path) as opened:
        assert make_engine(opened).run(run).is_complete
    assert arrived(s3) == files_of(run)


def test_job_toml_is_not_sent_if_a_file_of_its_set_fails(engine, s3, tmp_path):
    folder = tmp_path / "training/set"
    folder.mkdir(parents=True)
    for name in ("a.fasta", "b.fasta", "job.toml"):
        (folder / name).write_text(">r\nACGT\n")

    def refuse(operation: str, arguments: dict) -> None:
        if arguments.get("Key", "").endswith("b.fasta"):
            raise refusal(operation, "KeyTooLongError")

    s3.before = refuse
    outcome = engine.run(tmp_path / "training", to="training")
    assert list(s3.versions) == ["training/training/set/a.fasta"]
    assert (outcome.failed, sum(outcome.unsent.values())) == (1, 1)


def test_events_say_what_happened_to_each_file(engine, run):
    engine.run(run)
    finished = [event.facts for event in engine.events if event.kind == "finished"]
    assert {facts["key"] for facts in finished} == set(files_of(run))
    for facts in finished:
        assert facts["upload"] == upload_id("landing", facts["key"], facts["version"])
        assert facts["size"] == len(files_of(run)[facts["key"]])
    started = [event.facts["key"] for event in engine.events if event.kind == "started"]
    assert sorted(started) == sorted(files_of(run))
    sent = sum(event.facts["bytes"] for event in engine.events if event.kind == "progress")
    assert sent == sum(map(len, files_of(run).values()))
    assert json.dumps([event.facts for event in engine.events])


def test_ctrl_c_finishes_nothing_half_and_the_next_run_sends_the_rest(make_engine, state_path, s3, run, monkeypatch):
    from seqdrop_cli.uploader import uploader

    join, presses = uploader._join, []

    def join_and_press(threads):
        if not presses:
            presses.append(True)
            raise KeyboardInterrupt
        join(threads)

    monkeypatch.setattr(uploader, "_join", join_and_press)
    with pytest.raises(KeyboardInterrupt):
        make_engine().run(run)
    assert set(arrived_keys(s3)) <= set(files_of(run))
    with UploadState(state_path) as opened:
        assert make_engine(opened).run(run).is_complete
    assert arrived(s3) == files_of(run)


def arrived_keys(s3: ScriptedS3) -> list[str]:
    assert all(len(versions) == 1 for versions in s3.versions.values())
    return list(s3.versions)
