"""`seqdrop status`, `results` and `fetch` by name, run, sample, state and time; two versions of a file."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from rich.console import Console
from seqdrop.aws import keys
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli import listing as listings
from seqdrop_cli import status_view
from seqdrop_cli.listing import Listing
from seqdrop_cli.progress import read_progress
from seqdrop_cli.search import Search, find_progress, moment

KEYS = (
    "reads/run7/S1_S1_L001_R1_001.fastq.gz",
    "reads/run7/S1_S1_L001_R2_001.fastq.gz",
    "reads/run8/S1_S1_L001_R1_001.fastq.gz",
    "contigs/assembly 1.fasta",
)


@pytest.fixture
def target(cloud, ledger, use_target):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="results")
    stack = SimpleNamespace(results="results", client=lambda _: s3, ledger=lambda: ledger, environment=dict)
    use_target(stack)
    return stack


def land(ledger, key: str, version: str = "v") -> str:
    prefix = key.split("/")[0]
    version = UploadVersion("landing", key, version, 7, "e")
    assert ledger.create(Upload.from_version(version, prefix, f"{prefix}/"))
    return version.id


def predict(ledger, upload_id: str, state: str = "PREDICTED") -> None:
    """Move an upload to VALIDATED, with an attempt in a state."""
    upload = ledger.find_upload(upload_id)
    attempt = Attempt("PLANNED", upload_id=upload_id, analysis=upload.analysis)
    ledger.move(upload, "VALIDATED", attempt, format="fastq", records=3)
    for step in {"FAILED": ("FAILED",), "PREDICTED": ("SUBMITTED", "PREDICTED"), "PLANNED": ()}[state]:
        ledger.move(ledger.find_attempt(attempt.key), step, reason="it broke" if step == "FAILED" else "")


@pytest.fixture
def uploads(ledger, target) -> list[str]:
    """Four uploads: two of run7 (one failed, one archived), a file of the same name in run8, and a rejected one."""
    ids = [land(ledger, key) for key in KEYS]
    predict(ledger, ids[0], "FAILED")
    predict(ledger, ids[1])
    ledger.move(ledger.find_upload(ids[1]), "ARCHIVED", archive_key="a")
    ledger.move(ledger.find_upload(ids[3]), "REJECTED", reason="empty")
    return ids


def read_ids(outcome) -> set[str]:
    return {line.split("\t")[0] for line in outcome.out.splitlines()}


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ((), {0, 1, 2, 3}),
        (("S1_S1_L001_R1_001.fastq.gz",), {0, 2}),
        (("run7",), {0, 1}),
        (("reads/run8/",), {2}),
        (("--run", "run7"), {0, 1}),
        (("run7/S1_S1_L001_R1_001.fastq.gz",), {0}),
        (("*_R2_*",), {1}),
        (("S1",), {0, 1, 2}),
        (("--sample", "S1", "--run", "run8"), {2}),
        (("assembly 1.fasta", "run8"), {2, 3}),
        (("--state", "failed,REJECTED"), {0, 3}),
        (("--state", "VALIDATED"), {0}),
        (("--analysis", "contigs"), {3}),
        (("--since", "2026-01-01T00:00:02"), {2, 3}),
        (("--since", "2026-01-01", "--until", "2026-01-01T00:00:01"), {0}),
    ],
)
def test_uploads_are_selected(uploads, seqdrop, words, places):
    outcome = seqdrop("status", *words)
    assert (outcome.status, read_ids(outcome)) == (0, {uploads[place] for place in places})


def test_lines_have_id_state_key_and_time_and_open_uploads_come_first(uploads, seqdrop):
    lines = [line.split("\t") for line in seqdrop("status").out.splitlines()]
    assert lines[0] == [uploads[2], "RECEIVED", KEYS[2], "2026-01-01T00:00:02Z"]
    assert [line[1] for line in lines] == ["RECEIVED", "FAILED", "ARCHIVED", "REJECTED"]


def test_json_has_attempts_and_no_empty_facts(uploads, seqdrop):
    facts = [json.loads(line) for line in seqdrop("status", "run7", "--json").out.splitlines()]
    (attempt,) = facts[0]["attempts"]
    assert (attempt["analysis"], attempt["number"], attempt["state"], attempt["reason"]) == (
        "reads",
        1,
        "FAILED",
        "it broke",
    )
    assert (facts[1]["state"], facts[1]["is_final"], facts[1]["records"]) == ("ARCHIVED", True, 3)
    assert "reason" not in facts[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "there is no upload nowhere"),
        (("assembly",), "did you mean assembly 1.fasta?"),
        (("--state", "GONE"), "'GONE' is not a state; the states are"),
        (("--since", "soon"), "or today, yesterday, or an age such as 36h or 7d"),
    ],
)
def test_what_is_not_there_is_explained(uploads, seqdrop, words, message):
    outcome = seqdrop("status", *words)
    assert outcome.status == 2
    assert message in outcome.err


def test_a_search_that_fits_nothing_says_so(uploads, seqdrop):
    outcome = seqdrop("status", "--analysis", "proteins")
    assert (outcome.status, outcome.out) == (0, "")
    assert "no upload fits --analysis proteins" in outcome.err


def test_times_may_be_relative(clock):
    assert moment("36h") == datetime(2026, 1, 30, 12, tzinfo=UTC)
    assert moment("yesterday") == datetime(2026, 1, 31, tzinfo=UTC)
    with pytest.raises(argparse.ArgumentTypeError):
        moment("36x")


def test_the_progress_is_the_same_whether_uploads_are_read_together_or_alone(ledger, target, monkeypatch):
    """Every state, with attempts that are replayed, a gated run, and a mate that waits."""
    ids = [land(ledger, f"reads/run{number}/a.fastq") for number in range(30)]
    states = ("PLANNED", "FAILED", "PREDICTED")
    for number, upload_id in enumerate(ids[:24]):
        predict(ledger, upload_id, states[number % 3])
        if number % 3 == 2:
            ledger.move(ledger.find_upload(upload_id), "ARCHIVED", archive_key="a")
    replayed = ledger.attempts(ids[2])[0].next_attempt()
    ledger.create(replayed)
    assert len(find_progress(target, Search()).uploads) == 30
    for progress in find_progress(target, Search()).uploads:
        alone = read_progress(ledger, progress.upload_id, progress.key, progress.size)
        assert (progress.state, progress.detail, progress.steps) == (alone.state, alone.detail, alone.steps)
    assert {item.state for item in find_progress(target, Search(states=("PLANNED",))).uploads} == {"PLANNED"}


def test_the_number_of_requests_does_not_grow_with_the_uploads(ledger, target, monkeypatch):
    def count_calls() -> int:
        calls = []
        with monkeypatch.context() as patch:
            for name in ("query", "get_item"):
                call = getattr(type(ledger.table), name)
                patch.setattr(
                    type(ledger.table),
                    name,
                    lambda *words, call=call, **query: calls.append(1) or call(*words, **query),
                )
            find_progress(target, Search())
        return len(calls)

    for number in range(30):
        predict(ledger, land(ledger, f"reads/run7/{number}.fastq"), "FAILED")
    first = count_calls()
    for number in range(30, 60):
        predict(ledger, land(ledger, f"reads/run7/{number}.fastq"), "FAILED")
    assert count_calls() == first < 30


def test_only_the_newest_final_uploads_are_read_unless_more_are_wanted(uploads, ledger, seqdrop, monkeypatch):
    for number in range(3):
        upload_id = land(ledger, f"contigs/{number}.fasta")
        ledger.move(ledger.find_upload(upload_id), "REJECTED", reason="empty")
    monkeypatch.setattr(listings.Listing.load, "__defaults__", ("", 2))
    monkeypatch.setattr(listings, "NEWEST", 2)
    short = seqdrop("status", "--state", "REJECTED")
    assert [line.split("\t")[2] for line in short.out.splitlines()] == ["contigs/1.fasta", "contigs/2.fasta"]
    assert "Older uploads are not shown" in short.err
    assert len(seqdrop("status", "--state", "REJECTED", "--all").out.splitlines()) == 4
    assert read_ids(seqdrop("status", "assembly 1.fasta")) == {uploads[3]}


def draw(uploads, number=1, *, by_file=False, width=120) -> str:
    console = Console(width=width, record=True, force_terminal=False)
    with console.capture() as capture:
        console.print(status_view.draw(uploads, number, by_file=by_file))
    return capture.get()


def test_a_terminal_shows_files_below_their_folders_and_versions_by_their_time(uploads, ledger, target):
    land(ledger, KEYS[3], "v2")
    uploads = find_progress(target, Search()).uploads
    for width in (80, 130):
        text = draw(uploads, width=width)
        folders = [
            cell for line in text.splitlines() if (cell := line.strip("│ ").partition("│")[0].strip()).endswith("/")
        ]
        assert folders == ["contigs/", "reads/run7/", "reads/run8/"]
        assert len([line for line in text.splitlines() if "2026-01-01 00:00" in line]) == (2 if width == 80 else 5)
        assert "S1_S1_L001_R2_001.fastq.gz" in text


def test_many_uploads_are_folders_with_pages_and_what_failed_is_named(ledger, target, monkeypatch):
    monkeypatch.setattr(status_view, "FILES", 3)
    monkeypatch.setattr(status_view, "FOLDERS", 2)
    for run in range(3):
        for number in range(2):
            predict(ledger, land(ledger, f"reads/run{run}/{number}.fastq"), "FAILED" if run == 1 else "PREDICTED")
    uploads = find_progress(target, Search()).uploads
    first, last = draw(uploads), draw(uploads, 2)
    assert "page 1 of 2; next: --page 2" in first
    assert ["reads/run2/" in first, "reads/run0/" in first, "reads/run0/" in last] == [True, False, True]
    assert "Need a look:" in first
    assert "reads/run1/0.fastq" in first
    assert all(name in draw(uploads, by_file=True) for name in ("reads/run0/", "0.fastq", "page 1 of 2"))


def put_results(target, ledger, upload_id: str, text: str, *names: str) -> None:
    s3, analysis = target.client("s3"), ledger.find_upload(upload_id).analysis
    places = [f"{keys.upload_results(analysis, upload_id)}{name}" for name in names]
    for place in (keys.page(upload_id), *places):
        s3.put_object(Bucket="results", Key=place, Body=text.encode())


@pytest.fixture
def versions(ledger, target) -> list[str]:
    """Two versions of one file, each with results of its own."""
    ids = [land(ledger, "contigs/same.fa", name) for name in ("v1", "v2")]
    for upload_id, text in zip(ids, ("first", "second"), strict=True):
        predict(ledger, upload_id)
        put_results(target, ledger, upload_id, text, "calls.bed")
    put_results(target, ledger, ids[0], "first", "only-first.txt")
    return ids


def read_tree(folder) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "upload.json")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def test_two_versions_of_a_file_are_fetched_to_folders_of_their_own(versions, tmp_path, seqdrop):
    outcome = seqdrop("fetch", "same.fa", "--to", tmp_path)
    first, second = (f"contigs/same.fa@2026-01-01T00-00-0{second}Z" for second in (0, 1))
    expected = {
        f"{first}/calls.bed": "first",
        f"{first}/only-first.txt": "first",
        f"{first}/report.html": "first",
        f"{second}/calls.bed": "second",
        f"{second}/report.html": "second",
    }
    assert (outcome.status, read_tree(tmp_path)) == (0, expected)


def test_a_version_that_is_fetched_later_overwrites_nothing(versions, tmp_path, seqdrop):
    for upload_id in (*versions, *versions):
        assert seqdrop("fetch", upload_id, "--to", tmp_path, "--only", "*.bed").status == 0
    second = "contigs/same.fa@2026-01-01T00-00-01Z/calls.bed"
    assert read_tree(tmp_path) == {"contigs/same.fa/calls.bed": "first", second: "second"}


def test_what_was_fetched_and_has_not_changed_is_kept(versions, target, tmp_path, seqdrop, monkeypatch):
    assert seqdrop("fetch", versions[0], "--to", tmp_path).status == 0
    monkeypatch.setattr(type(target.client("s3")), "download_file", None, raising=False)
    again = seqdrop("fetch", versions[0], "--to", tmp_path)
    assert (again.status, len(again.out.splitlines())) == (0, 3)


def test_results_are_listed_with_their_addresses(versions, seqdrop):
    outcome = seqdrop("results", "same.fa", "--until", "2026-01-01T00:00:01")
    lines = [line.split("\t") for line in outcome.out.splitlines()]
    prefix = f"s3://results/results/contigs/{versions[0]}/"
    assert [line[4] for line in lines[1:]] == [f"{prefix}calls.bed", f"{prefix}only-first.txt"]
    assert lines[1][:4] == [versions[0], "2026-01-01T00:00:00Z", "contigs/same.fa", "5"]


def test_results_on_a_terminal_say_what_was_predicted(versions, target, seqdrop, monkeypatch):
    summary = {
        "counts": {"windows": 40, "not_scored": {"too_many_n": 2}},
        "calls": {"windows": 19, "scored_kb": 10.0, "kept": 14},
        "expected_false_calls": {"windows_per_kb": {"intron": 0.5, "cds": 1.2}},
    }
    put_results(target, target.ledger(), versions[1], json.dumps(summary), "summary.json")
    monkeypatch.setattr("seqdrop_cli.commands.results.is_terminal", lambda: True)
    text = seqdrop("results", "same.fa").out
    assert "14 calls in calls.bed, 19 windows called, 5 to 12 windows would be called by chance" in text
    assert "2 not scored" in text


@pytest.mark.parametrize("command", ["results", "fetch"])
def test_a_command_for_results_needs_a_name(target, seqdrop, command):
    outcome = seqdrop(command)
    assert outcome.status == 2
    assert "say which results: a file name, a run folder, a sample" in outcome.err


def test_raw_data_are_named_by_one_text(target, seqdrop):
    assert "name one file, run, sample or upload" in seqdrop("fetch", "--raw", "a", "b").err


def test_following_ends_when_nothing_happens_any_more(uploads, ledger, seqdrop, monkeypatch):
    def finish(_seconds: float) -> None:
        upload = ledger.find_upload(uploads[2])
        if upload.state == "RECEIVED":
            ledger.move(upload, "REJECTED", reason="empty")

    monkeypatch.setattr("seqdrop_cli.watch.time.sleep", finish)
    outcome = seqdrop("status", "run8", "--follow", "--json")
    assert [json.loads(line)["state"] for line in outcome.out.splitlines()] == ["RECEIVED", "REJECTED"]
    assert outcome.status == 1


def test_a_listing_reads_a_run_once(ledger, target, monkeypatch):
    calls = []
    monkeypatch.setattr("seqdrop.ledger.table.Ledger.find_run", lambda _, run_id: calls.append(run_id))
    listing = Listing(ledger)
    assert [listing.find_run("R"), listing.find_run("R")] == [None, None]
    assert calls == ["R"]
