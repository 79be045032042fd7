"""Watching ends where nothing more happens by itself: also at a file that waits for a mate nobody dropped."""

import io

import pytest
from rich.console import Console
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.uploads import UploadVersion
from seqdrop_cli.main import main
from seqdrop_cli.progress import at_rest, read_progress
from seqdrop_cli.watch import explain_waiting, watch

R1, R2 = "reads/S1_R1.fastq.gz", "reads/S1_R2.fastq.gz"


@pytest.fixture
def received(ledger):
    """Writes an upload that landed; answers its version."""

    def one(key: str) -> UploadVersion:
        version = UploadVersion("landing", key, "v", 7, "e")
        analysis = key.split("/")[0]
        ledger.create(Upload.received(version, analysis, f"{analysis}/"))
        return version

    return one


def seen(ledger, *versions):
    return [read_progress(ledger, one.id, one.key, one.size) for one in versions]


def test_a_lone_mate_is_an_end_that_is_explained(ledger, received):
    one, console = received(R1), Console(file=io.StringIO(), width=200)
    ledger.move(ledger.find_upload(one.id), "WAITING")
    (found,) = watch(ledger, [one], console, patience=60)
    assert (found.state, found.ended, found.steps) == ("WAITING", False, ("done", "waiting", "waiting"))
    assert "WAITING" in console.file.getvalue()
    assert "for its mate S1_R2.fastq.gz" in console.file.getvalue()
    (text,) = explain_waiting([found])
    assert R2 in text
    assert 'mates = "single"' in text


def test_a_mate_that_is_on_its_way_is_waited_for(ledger, received):
    one, two = received(R1), received(R2)
    ledger.move(ledger.find_upload(one.id), "WAITING")
    assert not at_rest(seen(ledger, one, two))
    assert at_rest(seen(ledger, one))
    ledger.move(ledger.find_upload(two.id), "REJECTED", reason="truncated")
    assert at_rest(seen(ledger, one, two))


def test_others_are_waited_for_all_the_same(ledger, received):
    one, other = received(R1), received("reads/another.fastq")
    ledger.move(ledger.find_upload(one.id), "WAITING")
    assert not at_rest(seen(ledger, one, other))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (R1, "for its mate S1_R2.fastq.gz"),
        ("masked/x.fa.gz", "for x.bed"),
        ("masked/x.bed", "for x.fa"),
        ("training/set/all.csv", "for the rest of training/set/"),
        ("raw/run/seqdrop-manifest.json", "for files that it lists"),
    ],
)
def test_status_shows_what_waits_and_for_whom(ledger, received, monkeypatch, capsys, key, told):
    ledger.move(ledger.find_upload(received(key).id), "WAITING")
    monkeypatch.setenv("COLUMNS", "200")

    class Target:
        def ledger(self):
            return ledger

    monkeypatch.setattr("seqdrop_cli.target.find", lambda stack: Target())
    assert main(["status"]) == 0
    assert told in capsys.readouterr().out


def test_a_fasta_or_a_bed_alone_is_an_end_too(ledger, received):
    fasta, bed = received("masked/x.fa.gz"), received("masked/x.bed")
    ledger.move(ledger.find_upload(fasta.id), "WAITING")
    assert not at_rest(seen(ledger, fasta, bed))
    (found,) = seen(ledger, fasta)
    assert at_rest([found])
    assert found.detail == "for x.bed"
    assert "waits for masked/x.bed" in explain_waiting([found])[0]


@pytest.mark.parametrize("key", ["contigs/x.fasta", R1, "masked/x.fa"])
def test_an_attempt_that_waits_for_a_job_slot_goes_on_by_itself(ledger, received, key):
    one = received(key)
    ledger.move(
        ledger.find_upload(one.id), "VALIDATED", Attempt("PLANNED", upload_id=one.id, analysis="reads"), records=7
    )
    (attempt,) = ledger.attempts(one.id)
    ledger.move(attempt, "WAITING")
    (found,) = seen(ledger, one)
    assert (found.state, found.waits_for, found.detail) == ("WAITING", "", "for a free job slot")
    assert not at_rest([found])
    assert explain_waiting([found]) == []
