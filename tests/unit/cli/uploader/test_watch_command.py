"""`seqdrop watch` on the command line: what it prints, and that a dry run sends nothing."""

from __future__ import annotations

import json
import os
import signal
from types import SimpleNamespace

import pytest
from seqdrop_cli.uploader.events import Event
from seqdrop_cli.uploader.watch_command import describe_event, stop_on_terminate
from seqdrop_cli.uploader.watching import PROBLEM

from tests.unit.cli.uploader.conftest import NoLedger, files_of


@pytest.fixture
def stack(s3, use_target, run, monkeypatch) -> SimpleNamespace:
    target = SimpleNamespace(landing="landing", results="results", endpoint=None, client=lambda _: s3, ledger=NoLedger)
    use_target(target)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    for path in run.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return target


def test_a_dry_run_sends_nothing(stack, s3, run, seqdrop):
    outcome = seqdrop("watch", run.parent, "--dry-run")
    assert (outcome.status, s3.versions) == (0, {})
    assert f"{run.name}  would send" in outcome.out


def test_one_look_sends_a_complete_run_and_prints_no_names_of_files(stack, s3, run, seqdrop):
    outcome = seqdrop("watch", run.parent, "--once")
    assert outcome.status == 0
    assert set(s3.versions) == set(files_of(run))
    assert "8 objects sent, 307.9 kB" in outcome.out
    assert not [path.name for path in (run / "Data").rglob("*.*") if path.name in outcome.out]
    assert "sent" not in seqdrop("watch", run.parent, "--once").out


def test_json_has_an_event_for_each_file_and_for_the_run(stack, run, seqdrop):
    kinds = [json.loads(line)["event"] for line in seqdrop("watch", run, "--once", "--json").out.splitlines()]
    assert kinds.count("finished") == 8
    assert kinds[-1] == "run"


def test_a_folder_that_does_not_exist_is_a_problem_and_the_status_is_1(stack, tmp_path, seqdrop):
    outcome = seqdrop("watch", tmp_path / "nowhere", "--once")
    assert outcome.status == 1
    assert "does not exist; check the path" in outcome.out


def test_a_problem_is_a_line_with_the_time():
    line = describe_event(Event(PROBLEM, {"folder": "/data/runs", "reason": "not mounted"}))
    assert line.endswith("  /data/runs: not mounted")


def test_sigterm_stops_like_ctrl_c():
    with pytest.raises(KeyboardInterrupt), stop_on_terminate():
        os.kill(os.getpid(), signal.SIGTERM)
