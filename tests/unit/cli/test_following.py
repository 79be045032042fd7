"""Watching many uploads reads the ledger in batches, and only what may have changed."""

from __future__ import annotations

import io

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli import following as module
from seqdrop_cli.following import LONGEST, SHORTEST, Following, ReadingPace
from seqdrop_cli.upload_overview import count_states, find_folder, select_rows, show_uploads


@pytest.fixture
def versions(ledger) -> list[UploadVersion]:
    versions = [UploadVersion("landing", f"reads/run 7/L1/{number:03}.fastq", "v", 7, "e") for number in range(230)]
    for version in versions:
        ledger.create(Upload.from_version(version, "reads", "reads/"))
    return versions


@pytest.fixture
def reads(ledger, monkeypatch) -> list[str]:
    """The ids of uploads that were read in full."""
    names, read = [], module.read_progress

    def note(ledger, upload_id, key, size):
        names.append(upload_id)
        return read(ledger, upload_id, key, size)

    monkeypatch.setattr(module, "read_progress", note)
    return names


def test_each_reading_reads_few_uploads_in_full_and_each_has_its_turn(ledger, versions, reads):
    following = Following(ledger, versions)
    assert {progress.state for progress in following.read()} == {"RECEIVED"}
    ledger.move(ledger.find_upload(versions[200].id), "REJECTED", reason="truncated")
    reads.clear()
    states = [progress.state for progress in following.read()]
    assert (states[200], states.count("RECEIVED")) == ("REJECTED", 229)  # by its record alone
    assert len(reads) == module.MOST
    for _ in range(11):
        following.read()
    assert set(reads) == {version.id for version in versions} - {versions[200].id}


def test_the_records_of_many_uploads_are_read_in_turn(ledger, versions, monkeypatch):
    monkeypatch.setattr(module, "BATCHED", 100)
    batches, find = [], ledger.find_uploads
    monkeypatch.setattr(ledger, "find_uploads", lambda names: batches.append(names) or find(names))
    following = Following(ledger, versions)
    states = [[progress.state for progress in following.read()].count("RECEIVED") for _ in range(3)]
    assert states == [100, 200, 230]
    assert max(map(len, batches)) == 100


def test_a_move_of_an_attempt_is_seen_though_the_record_of_its_upload_stays(ledger, versions):
    attempt = Attempt("PLANNED", upload_id=versions[0].id, analysis="reads")
    ledger.move(ledger.find_upload(versions[0].id), "VALIDATED", attempt, records=1)
    following = Following(ledger, versions[:3])
    assert following.read()[0].state == "PLANNED"
    ledger.move(ledger.attempts(versions[0].id)[0], "FAILED", reason="no")
    assert following.read()[0].state == "FAILED"


def test_without_permission_for_batches_each_upload_is_read(ledger, versions, monkeypatch):
    def refuse(_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "BatchGetItem")

    monkeypatch.setattr(ledger, "find_uploads", refuse)
    assert len(Following(ledger, versions[:5]).read()) == 5


def test_pauses_grow_while_nothing_changes_and_with_the_time_that_a_reading_takes(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(module.time, "process_time", lambda: clock[0])
    pace = ReadingPace()
    assert [pace.find_pause(False) for _ in range(5)] == [1.0, 2.0, 4.0, LONGEST, LONGEST]
    assert pace.find_pause(True) == SHORTEST
    clock[0] += 0.3
    pause = pace.find_pause(True)
    assert 0.3 / (0.3 + pause) == pytest.approx(0.02)


def test_the_overview_counts_states_and_names_failures_first_and_the_folder_once(ledger, versions):
    for number, state in ((7, "REJECTED"), (8, "WITHDRAWN"), (9, "WAITING")):
        ledger.move(ledger.find_upload(versions[number].id), state)
    uploads = Following(ledger, versions).read()
    assert str(count_states(uploads)) == "REJECTED 1 · WITHDRAWN 1 · RECEIVED 227 · WAITING 1"
    assert find_folder(uploads) == "reads/run 7/L1/"
    rows = [upload.key[-9:] for upload in select_rows(uploads, 5)]
    assert (set(rows[:2]), len(rows)) == ({"007.fastq", "008.fastq"}, 5)
    console = Console(file=io.StringIO(), width=80, height=24)
    console.print(show_uploads(uploads, 3.0, 24))
    lines = console.file.getvalue().splitlines()
    assert len(lines) <= 24
    assert sum("reads/run 7/L1/" in line for line in lines) == 1


def test_files_without_a_common_folder_keep_their_keys(ledger, versions):
    uploads = (
        Following(ledger, versions[:1]).read() + Following(ledger, [UploadVersion("b", "raw/x", "v", 1, "")]).read()
    )
    assert find_folder(uploads) == ""
