"""Any file under runs/: validated or only hashed, gated, and archived when its run is open, with few calls."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from seqdrop.ledger.run_record import run_id
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.notifications import notifies_each
from seqdrop.stages.start_processing.container import ProgressPrinter
from seqdrop.stages.validate.validate import validate
from seqdrop.work import hashing
from seqdrop.work.examine import ExaminationRequest, examine

from tests.unit.stages.marked_runs import FASTQ, Hooked, World

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "runs"
FOLDER = "runs/20240531_LH00130_0061_A22CC55LT4/"
OTHERS = {
    "RunInfo.xml": b"<RunInfo/>",
    "InterOp/QMetricsOut.bin": b"\x06\x00",
    "SampleSheet.csv": b"[Header]\r\n",
    "Data/Intensities/BaseCalls/L001/C1.1/L001_1.cbcl": b"\x01\x00",
    "pod5/a.pod5": b"\x8bPOD\r\n\x1a\n",
    "S1_R1_001.fastq.ora": b"ora",
    "Logs/Errors.log": b"",
    "UploadCompleted.json": b"",
    "bundle.0001.tar": b"\0" * 1024,
}
SEQUENCES = {"fastq/S1_R1_001.fastq.gz": gzip.compress(FASTQ, mtime=0), "a.fasta": b">a\nACGT\n"}


class Counts:
    """The calls to S3 by operation, and the items that were written to the ledger."""

    def __init__(self, world: World):
        self.s3, self.writes = Counter(), 0
        table, write = world.account.table, world.account.table.transact_write_items

        def count_writes(request, headers):
            self.writes += len(request["TransactItems"])
            return write(request, headers)

        table.transact_write_items = count_writes
        hooked = Hooked(world.services.s3, self._count)
        world.services = replace(world.services, s3=hooked)

    def _count(self, name: str) -> None:
        self.s3.update([name] if name else [])

    def take(self) -> tuple[Counter, int]:
        """Return the counts since the last call."""
        counts = (self.s3, self.writes)
        self.s3, self.writes = Counter(), 0
        return counts


@pytest.fixture
def world() -> World:
    return World()


def open_run(world: World, folder: str = FOLDER) -> None:
    """Open a run in the ledger, as the rule of its instrument does."""
    run = world.ledger.find_run(run_id("landing", folder))
    assert run
    assert world.ledger.note(run, complete=["", "Analysis/1", "Analysis/2", *run.complete])


def results(world: World) -> set[str]:
    return {key.split("/")[0] for key in world.account.s3.buckets["results"].keys}


def test_every_file_is_kept_until_its_run_is_open_and_then_archived(world):
    versions = {name: world.take(FOLDER + name, body) for name, body in (OTHERS | SEQUENCES).items()}
    assert set(world.states(*versions.values())) == {"VALIDATED"}
    assert not world.advanced_ids
    for version in versions.values():
        archive(world.services, version.id)
    assert set(world.states(*versions.values())) == {"VALIDATED"}
    open_run(world)
    for name, version in versions.items():
        validate(world.services, version)  # the reconciler sends the message again
        assert version.id in world.advanced_ids
        archive(world.services, version.id)
        receipt = world.read_json("receipts", version)
        body = (OTHERS | SEQUENCES)[name]
        landing = receipt["landing"]
        assert landing["crc32"] == f"{zlib.crc32(body):08x}"
        assert landing["sha256"] == hashlib.sha256(body).hexdigest()
        assert (landing["format"] == "other") == (name in OTHERS)
        assert not {"md5", "checksum_list"} & (landing.keys() | receipt.keys())
    assert set(world.states(*versions.values())) == {"ARCHIVED"}
    assert not world.mails


def test_a_file_that_is_only_hashed_has_no_report_and_no_examination(world):
    version = world.take(FOLDER + "RunInfo.xml", b"<RunInfo/>")
    assert not results(world)
    assert not world.work()
    assert (world.upload(version).format, world.upload(version).records) == ("other", 0)
    world.take(FOLDER + "a.fasta", b">a\nACGT\n")
    assert results(world) == {"reports"}


def test_the_calls_of_a_small_file_are_bounded(world):
    counts = Counts(world)
    world.take(FOLDER + "first.txt", b"")  # it creates the record of the run
    versions = [world.drop(f"{FOLDER}Thumbnail_Images/L001/{number}.jpg", b"jpg%d" % number) for number in range(5)]
    counts.take()
    for version in versions:
        validate(world.services, version)
        assert counts.take() == ({"get_object": 1}, 2)  # its record, and its move to VALIDATED
        validate(world.services, version)  # the message again
        requests, writes = counts.take()
        assert (requests.total(), writes) == (2, 1)  # is it still there?; its record, which exists
    open_run(world)
    counts.take()
    for version in versions:
        archive(world.services, version.id)
        requests, writes = counts.take()
        # Its receipt, and its entry in the index of file names.
        assert requests == {"head_object": 3, "copy_object": 1, "put_object": 2, "delete_object": 1}
        assert writes == 3  # the claim of its bytes, its move to ARCHIVED, and the claim with its expiry


def test_a_file_of_several_requests_is_read_under_a_lease(world):
    counts = Counts(world)
    world.take(FOLDER + "first.txt", b"")
    version = world.drop(FOLDER + "big.cbcl", b"x" * (4 << 20) + b"y")
    counts.take()
    validate(world.services, version)
    assert counts.take() == ({"get_object": 2}, 3)
    assert world.states(version) == ["VALIDATED"]


def test_an_error_while_a_file_is_hashed_ends_its_lease(world):
    version = world.drop(FOLDER + "big.cbcl", b"x" * (4 << 20) + b"y")

    def crash(name: str) -> None:
        if name == "get_object":
            raise TimeoutError

    world.hook = crash
    with pytest.raises(TimeoutError):
        validate(world.services, version)
    world.hook = lambda name: None
    validate(world.services, version)
    assert world.states(version) == ["VALIDATED"]


def test_a_deleted_file_is_withdrawn(world):
    for name in ("empty.txt", "small.txt"):
        version = world.drop(FOLDER + name, b"" if name == "empty.txt" else b"1")
        world.delete(version)
        validate(world.services, version)
        assert world.states(version) == ["WITHDRAWN"]


@pytest.mark.parametrize("name", ["a.cram", "S1_R1_001"])  # the second has the name of a mate
def test_a_file_that_is_too_large_for_a_lambda_is_hashed_by_a_job(world, monkeypatch, capsys, name):
    monkeypatch.setattr(hashing, "MOST_IN_LAMBDA", 399)
    world.services = replace(world.services, analyses=replace(world.services.analyses, lambda_gb=0))
    body = b"CRAM" * 100
    version = world.drop(FOLDER + name, body)
    validate(world.services, version)
    assert [queue for queue, body in world.sent if "run" not in body] == ["processing_queue"]
    analysis = world.services.analyses.for_key(version.key)
    progress = ProgressPrinter(version)
    examine(world.services.s3, "work", ExaminationRequest(version, analysis), progress.begin)  # as the container does
    progress.end()
    assert f"{version.id}: 0 records, 0 of 0 MB (100%" in capsys.readouterr().out
    validate(world.services, version)
    upload = world.upload(version)
    assert (upload.state, upload.format, upload.crc32) == ("VALIDATED", "other", f"{zlib.crc32(body):08x}")
    assert not results(world)


def test_a_file_above_lambda_gb_is_hashed_by_a_lambda_if_it_has_the_time(world):
    world.services = replace(world.services, analyses=replace(world.services.analyses, lambda_gb=0))
    version = world.take(FOLDER + "a.pod5", b"pod5")
    assert (world.states(version), world.sent) == (["VALIDATED"], [])


def test_the_same_file_again_is_a_duplicate(world):
    first = world.take(FOLDER + "RunInfo.xml", b"<RunInfo/>")
    open_run(world)
    archive(world.services, first.id)
    again = world.take(FOLDER + "RunInfo.xml", b"<RunInfo/>")
    archive(world.services, again.id)
    assert world.states(first, again) == ["ARCHIVED", "DUPLICATE"]


# -- rejections --


def test_a_damaged_file_of_a_run_is_rejected_without_a_mail_of_its_own(world):
    version = world.take(FOLDER + "S1.fastq.gz", gzip.compress(FASTQ)[:-5])
    assert world.states(version) == ["REJECTED"]
    assert world.read_json("reasons", version)["code"] == "gzip_trailer_cut"
    assert not world.mails


@pytest.mark.parametrize("key", ["runs/S1.fastq", "raw/run7/S1.fastq", "elsewhere/run7/S1.fastq"])
def test_a_rejected_file_that_is_in_no_such_run_is_a_mail(world, key):
    version = world.take(key, b"no reads")
    assert world.states(version) == ["REJECTED"]
    assert len(world.mails) == 1
    assert notifies_each(world.services, world.upload(version))


def test_mates_of_a_run_are_compared(world):
    body = b"".join(b"@r%d\nACGT\n+\nIIII\n" % number for number in range(3))
    first = world.take(FOLDER + "S1_R1_001.fastq", body)
    second = world.take(FOLDER + "S1_R2_001.fastq", body + b"@r9\nACGT\n+\nIIII\n")
    assert world.states(first, second) == ["VALIDATED", "REJECTED"]
    assert world.read_json("reasons", second)["code"] == "mates_unequal_counts"


def test_two_mates_without_reads_are_kept(world):
    empty = gzip.compress(b"", mtime=0)
    versions = [world.take(f"{FOLDER}S1_R{mate}_001.fastq.gz", empty) for mate in (1, 2)]
    assert world.states(*versions) == ["VALIDATED", "VALIDATED"]
    report = world.read_json("reports", versions[1])
    assert (report["mate"]["checked"], report["mate"]["faults"], report["mate"]["note"]) == (True, [], "")


@pytest.mark.parametrize("empty", [1, 2])
def test_a_mate_without_reads_does_not_fit_one_with_reads(world, empty):
    bodies = {empty: b"", 3 - empty: FASTQ}
    versions = [world.take(f"{FOLDER}S1_R{mate}_001.fastq", bodies[mate]) for mate in (1, 2)]
    assert world.states(*versions) == ["VALIDATED", "REJECTED"]
    reason = world.read_json("reasons", versions[1])
    assert reason["code"] == "mates_unequal_counts"
    assert f"the first file has {int(empty == 2)} reads, the second {int(empty == 1)}" in reason["message"]


def test_a_lab_whose_analyses_have_no_runs_rejects_the_key_as_before(world):
    analyses = world.services.analyses
    by_name = {name: analysis for name, analysis in analyses.by_name.items() if name != "runs"}
    world.services = replace(world.services, analyses=replace(analyses, by_name=by_name))
    version = world.take(FOLDER + "RunInfo.xml", b"<RunInfo/>")
    assert world.read_json("reasons", version)["code"] == "no_analysis"
    assert len(world.mails) == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared/data/runs, real run folders, is not beside the checkout")
def test_no_file_of_the_real_run_folders_is_rejected(world):
    paths = [path for path in SHARED.rglob("*") if path.is_file() and path.suffix != ".md"]
    versions = {path: world.take(f"runs/{path.relative_to(SHARED).as_posix()}", path.read_bytes()) for path in paths}
    uploads = {path: world.upload(version) for path, version in versions.items()}
    assert len(uploads) > 100
    assert {upload.state for upload in uploads.values()} == {"VALIDATED"}
    for path, upload in uploads.items():
        assert upload.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert upload.format in ("other", "marker", "fastq")
    assert not world.mails
