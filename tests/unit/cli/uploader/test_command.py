"""`seqdrop upload` on the command line: plans, events, exit statuses."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tests.unit.cli.uploader.conftest import NoLedger, files_of
from tests.unit.cli.uploader.scripted_s3 import refusal


def events(outcome) -> list[dict]:
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_a_dry_run_prints_the_plan_and_sends_nothing(s3, run, seqdrop, monkeypatch):
    (run.parent / "notes.txt").write_text("hello")
    outcome = seqdrop("upload", run.parent, "--dry-run")  # no stack is needed
    assert (outcome.status, s3.calls) == (0, [])
    assert f"runs/{run.name}/  8 files, 307.9 kB" in outcome.out
    assert "1 left out: it is no FASTQ, FASTA or BAM file" in outcome.out


def test_json_events_are_one_object_a_line(stack, s3, run, seqdrop):
    outcome = seqdrop("upload", run, "--json")
    first, *rest, last = events(outcome)
    total = sum(map(len, files_of(run).values()))
    assert (first["event"], first["files"], first["bytes"]) == ("planned", 8, total)
    assert first["places"] == {f"runs/{run.name}/": {"files": 8, "bytes": total}}
    assert (last["event"], last["sent"], last["sent_bytes"], last["failed"]) == ("summary", 8, total, 0)
    assert {event["event"] for event in rest} == {"started", "progress", "finished"}
    assert (outcome.status, outcome.err) == (0, "")


def test_the_status_is_1_if_a_file_failed_and_its_reason_is_printed(stack, s3, run, seqdrop):
    def refuse(operation, arguments):
        if arguments.get("Key", "").endswith("s.locs"):
            raise refusal(operation, "KeyTooLongError")

    s3.before = refuse
    outcome = seqdrop("upload", run)
    assert outcome.status == 1
    assert "Data/s.locs: AWS refused" in outcome.err
    assert "1 file failed; the same command sends what is missing" in outcome.err
    assert "2 files left for later: a marker" in outcome.err
    s3.before = lambda *_: None
    assert seqdrop("upload", run).status == 0
    assert set(s3.versions) == {*files_of(run), f"runs/{run.name}/seqdrop-manifest.json"}


def test_drop_is_the_same_command(stack, s3, run, seqdrop):
    assert seqdrop("drop", run).status == 0
    assert "8 of 8 files were sent before" in seqdrop("upload", run).err


def test_nothing_to_send_says_why(stack, tmp_path, seqdrop):
    (tmp_path / "p.fasta").write_text(">p\nMKVLFF\n")
    outcome = seqdrop("upload", tmp_path / "p.fasta")
    assert outcome.status == 2
    assert "--to proteins" in outcome.err


def test_ctrl_c_says_what_was_sent_and_that_the_same_command_continues(stack, s3, run, seqdrop, monkeypatch):
    def press(threads):
        raise KeyboardInterrupt

    monkeypatch.setattr("seqdrop_cli.uploader.uploader._join", press)
    outcome = seqdrop("upload", run)
    assert outcome.status == 130
    assert "the same command sends the rest" in outcome.err


@pytest.mark.parametrize(("text", "ok"), [("50M", True), ("1.5G", True), ("800k", True), ("0", False), ("fast", False)])
def test_rates(run, seqdrop, text, ok):
    assert (seqdrop("upload", run, "--dry-run", "--limit", text).status == 0) == ok


def test_what_could_be_freed_is_shown_and_nothing_is_deleted_without_a_receipt(stack, run, seqdrop):
    stack.ledger = lambda: SimpleNamespace(archived_file=NoLedger().archived_file, find_upload=lambda _: None)
    outcome = seqdrop("upload", run, "--free-after", "--yes")
    assert "1 file not deleted: the upload is not in the ledger" in outcome.err
    assert "7 files not deleted: its run is not archived as a whole" in outcome.err
    assert len(files_of(run)) == 8
