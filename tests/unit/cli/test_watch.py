"""Watching ends when nothing more happens by itself, for example if a mate was not dropped."""

import io

import pytest
from rich.console import Console
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli.progress import at_rest, read_progress
from seqdrop_cli.upload_table import UploadTable
from seqdrop_cli.watch import explain_waiting, watch

R1, R2 = "reads/S1_R1.fastq.gz", "reads/S1_R2.fastq.gz"


@pytest.fixture
def receive(ledger):
    """Create an upload that landed; return its version."""

    def create(key: str) -> UploadVersion:
        version = UploadVersion("landing", key, "v", 7, "e")
        analysis = key.split("/")[0]
        ledger.create(Upload.from_version(version, analysis, f"{analysis}/"))
        return version

    return create


def read(ledger, *versions):
    return [read_progress(ledger, version.id, version.key, version.size) for version in versions]


def test_watching_ends_at_a_lone_mate_and_says_why(ledger, receive):
    version, console = receive(R1), Console(file=io.StringIO(), width=40)
    ledger.move(ledger.find_upload(version.id), "WAITING")
    (progress,) = watch(ledger, [version], console, patience=60)
    assert (progress.state, progress.is_final, progress.steps) == ("WAITING", False, ("done", "waiting", "waiting"))
    (line,) = console.file.getvalue().splitlines()  # not wrapped, though longer than the console is wide
    assert line.endswith(f"s  WAITING    {R1}  (for its mate S1_R2.fastq.gz)")
    (sentence,) = explain_waiting([progress])
    assert R2 in sentence
    assert 'mates = "single"' in sentence


def test_a_mate_that_was_dropped_is_waited_for(ledger, receive):
    first, second = receive(R1), receive(R2)
    ledger.move(ledger.find_upload(first.id), "WAITING")
    assert not at_rest(read(ledger, first, second))
    assert at_rest(read(ledger, first))
    ledger.move(ledger.find_upload(second.id), "REJECTED", reason="truncated")
    assert at_rest(read(ledger, first, second))


def test_other_files_are_waited_for_as_well(ledger, receive):
    mate, other = receive(R1), receive("reads/another.fastq")
    ledger.move(ledger.find_upload(mate.id), "WAITING")
    assert not at_rest(read(ledger, mate, other))


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        (R1, "for its mate S1_R2.fastq.gz"),
        ("masked/x.fa.gz", "for x.bed"),
        ("masked/x.bed", "for x.fa"),
        ("training/set/all.csv", "for the rest of training/set/"),
        ("raw/run/seqdrop-manifest.json", "for files that it lists"),
    ],
)
def test_the_table_shows_what_an_upload_waits_for(ledger, receive, key, detail):
    version = receive(key)
    ledger.move(ledger.find_upload(version.id), "WAITING")
    console = Console(file=io.StringIO(), width=120)
    console.print(UploadTable(read(ledger, version), with_ids=True))
    assert detail in console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_shortens_a_long_key_in_the_middle_and_never_an_id(ledger, receive, width):
    version = receive(f"reads/230415_A00123_0045_BHXXXX/{'Data/' * 30}S1_L001_R1_001.fastq.gz")
    console = Console(file=io.StringIO(), width=width)
    console.print(UploadTable(read(ledger, version), with_ids=True))
    lines = console.file.getvalue().splitlines()
    assert {len(line.rstrip()) for line in lines[1:]} == {len(lines[1].rstrip())}
    assert len(lines[1]) <= width
    (row,) = [line for line in lines if "reads/" in line]
    key = row.split("│")[1].strip()
    assert key.startswith("reads/")
    assert "…" in key
    assert key.endswith("_001.fastq.gz")
    assert version.id in console.file.getvalue()
    assert "RECEIVED" in row


def test_watching_ends_at_a_fasta_or_a_bed_alone(ledger, receive):
    fasta, bed = receive("masked/x.fa.gz"), receive("masked/x.bed")
    ledger.move(ledger.find_upload(fasta.id), "WAITING")
    assert not at_rest(read(ledger, fasta, bed))
    (progress,) = read(ledger, fasta)
    assert at_rest([progress])
    assert progress.detail == "for x.bed"
    assert "waits for masked/x.bed" in explain_waiting([progress])[0]


@pytest.mark.parametrize("key", ["contigs/x.fasta", R1, "masked/x.fa"])
def test_an_attempt_that_waits_for_a_job_slot_continues_by_itself(ledger, receive, key):
    version = receive(key)
    attempt = Attempt("PLANNED", upload_id=version.id, analysis="reads")
    ledger.move(ledger.find_upload(version.id), "VALIDATED", attempt, records=7)
    ledger.move(ledger.attempts(version.id)[0], "WAITING")
    (progress,) = read(ledger, version)
    assert (progress.state, progress.waits_for, progress.detail) == ("WAITING", "", "for a free job slot")
    assert not at_rest([progress])
    assert explain_waiting([progress]) == []
