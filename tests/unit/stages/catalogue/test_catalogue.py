"""Rows follow from stored facts alone: whatever the order and number of events, the end is the same."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from itertools import permutations

import pyarrow.parquet as pq
import pytest
from seqdrop.aws import keys
from seqdrop.catalogue.schema import TABLES
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.run_record import Run
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.events import Derivable, UnknownEventError, parse_catalogue_message
from seqdrop.runtime.services import format_json, now
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.catalogue.catalogue import catalogue
from seqdrop.stages.catalogue.rows import write_upload_rows
from seqdrop.stages.forget import request
from seqdrop.stages.forget.forget import forget
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.services import direct_services

MONTH = "2026-01"
QC = {
    "records": 4,
    "bases": 400,
    "mean_length": 100.0,
    "mean_quality": 36.5,
    "q30_fraction": 0.91,
    "gc_fraction": 0.5,
    "origin": {"platform": ["illumina"], "instrument": ["LH00999"], "flow_cell": [], "lane": []},
}
ERROR = {"code": "bad_quality", "message": "a quality is missing", "number": 3, "line": 12, "byte": 90, "record": "r3"}
BED = "# upload: {}\n# fields: chrom\nchr1\t10\t310\tpromoter\t950\t+\t10\t310\t0\t0.95\t0.02\n"
BED += "chr 2\t5\t305\tpromoter\t910\t-\t5\t305\t0\t0.91\t.\n"


class World:
    """An account with a catalogue, under a clock that the test advances."""

    def __init__(self, monkeypatch):
        self.clock = Clock()
        self.account = Account(clock=self.clock)
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: self.clock.now)
        plain = direct_services(self.account)
        self.ledger = Ledger(Table(self.account), now, keep_days=100)
        self.services = replace(plain, ledger=self.ledger, settings=replace(plain.settings, catalogue="true"))

    def add(self, key: str, run: str = "") -> Upload:
        landed = self.account.s3.put("landing", key, b"@r\nA\n+\nI\n")
        version = UploadVersion("landing", key, landed.id, 9, landed.etag, landed.sequencer)
        analysis = self.services.analyses.for_key(key)
        self.ledger.create(replace(Upload.from_version(version, analysis.name, analysis.prefix), created_at=now()))
        return self.ledger.require_upload(version.id)

    def put(self, key: str, content: dict | str) -> None:
        body = content.encode() if isinstance(content, str) else format_json(content)
        self.account.s3.put("results", key, body)
        self.clock.advance(1)

    def report(self, upload: Upload, **more) -> None:
        report = {"upload": upload.id, "valid": True, "format": "fastq", "qc": QC, "errors": [], **more}
        self.put(keys.report(upload.id), report)

    def predict(self, upload: Upload, analysis: str = "contigs", number: int = 1) -> Attempt:
        attempt = Attempt("PLANNED", upload_id=upload.id, analysis=analysis, number=number)
        self.ledger.create(attempt)
        self.put(keys.result(analysis, upload.id, number, "calls.bed"), BED)
        summary = {
            "seqdrop": "0.3",
            "job": f"seqdrop-{analysis}-{number}",
            "model": {"name": "promoter-300", "archive": "models/a", "sha256": "ab" * 32},
            "counts": {"windows": 30, "scored": 29, "calls": 4},
            "calls": {"windows": 4, "kept": 2},
            "computed": {"usd": 0.25},
            "files": ["calls.bed"],
        }
        self.put(keys.result(analysis, upload.id, number, "summary.json"), summary)
        return attempt

    def derive(self, *uploads: Upload) -> None:
        for upload in uploads:
            catalogue(self.services, Derivable(upload=upload.id))

    def rows(self, table: str) -> list[dict]:
        """Return all rows of a table, without what has no value."""
        prefix = keys.catalogue_table(table)
        entries = self.services.s3.list_objects_v2(Bucket="results", Prefix=prefix).get("Contents", [])
        rows = []
        for entry in entries:
            assert entry["Key"].startswith(f"{prefix}month=2")
            data = pq.read_table(io.BytesIO(self.account.s3.read("results", entry["Key"])))
            assert data.schema.names == [column.name for column in TABLES[table]]
            rows += data.to_pylist()
        return [{name: value for name, value in row.items() if value is not None} for row in rows]

    def row(self, table: str) -> dict:
        (row,) = self.rows(table)
        return row


@pytest.fixture
def world(monkeypatch) -> World:
    return World(monkeypatch)


def test_a_valid_file_has_its_quality(world):
    upload = world.add("reads/lab1/S1_S1_L001_R1_001.fastq.gz")
    world.report(upload)
    world.derive(upload)
    assert world.row("uploads") == {
        "upload": upload.id,
        "project": "lab1",
        "sample": "S1",
        "analysis": "reads",
        "key": upload.key,
        "format": "fastq",
        "state": "VALIDATED",
        "platform": "illumina",
        "instrument": "LH00999",
        "received": upload.created_at,
        "bytes": 9,
        "reads": 4,
        "bases": 400,
        "mean_length": 100.0,
        "mean_quality": 36.5,
        "q30_fraction": 0.91,
        "gc_fraction": 0.5,
    }
    assert world.rows("predictions") == world.rows("calls") == []


def test_a_rejected_file_has_its_first_error(world):
    upload = world.add("reads/a.fastq")
    world.report(upload, valid=False, errors=[ERROR])
    world.derive(upload)
    first = world.row("uploads")
    reason = {"code": "bad_quality", "message": "a quality is missing", "record": 3, "line": 12}
    world.put(keys.reason(upload.id), {"upload": upload.id, **reason})
    world.derive(upload)
    assert world.row("uploads") == first
    assert (first["state"], first["reason_code"], first["reason_record"]) == ("REJECTED", "bad_quality", 3)


def test_a_replay_makes_the_reason_void(world):
    upload = world.add("reads/a.fastq")
    world.put(keys.reason(upload.id), {"code": "no_kernel", "message": "x", "record": None, "line": None})
    world.report(upload)
    world.derive(upload)
    assert world.row("uploads")["state"] == "VALIDATED"
    assert "reason" not in world.row("uploads")


def test_the_reason_of_a_failed_training_says_nothing_about_its_file(world):
    upload = world.add("training/t/job.toml")
    world.put(keys.report(upload.id), {"upload": upload.id, "valid": True})
    world.put(keys.reason(upload.id), {"code": "training_failed", "message": "x"})
    world.derive(upload)
    assert world.row("uploads")["state"] == "VALIDATED"


def test_predictions_say_which_model_made_them_and_calls_where_they_are(world):
    upload = world.add("contigs/a.fasta")
    world.predict(upload)
    second = world.predict(upload, number=2)
    failed = Attempt("PLANNED", upload_id=upload.id, analysis="contigs", number=3)
    world.ledger.create(failed)
    world.ledger.move(world.ledger.require_attempt(failed.key), "FAILED", reason="no capacity")
    world.derive(upload)
    first, two, three = world.rows("predictions")
    assert first["results"] == f"results/contigs/{upload.id}/"
    assert two == {
        "upload": upload.id,
        "sample": "a",
        "analysis": "contigs",
        "attempt": second.number,
        "model": "promoter-300",
        "model_sha256": "ab" * 32,
        "state": "PREDICTED",
        "job": "seqdrop-contigs-2",
        "version": "0.3",
        "windows": 30,
        "calls": 2,
        "usd": 0.25,
        "results": f"results/contigs/{upload.id}/attempt-2/",
    }
    assert (three["state"], three["reason"], "model" in three) == ("FAILED", "no capacity", False)
    plus, minus, *others = world.rows("calls")
    assert [each["attempt"] for each in others] == [2, 2]
    assert (plus["record"], plus["start"], plus["end"], plus["strand"]) == ("chr1", 10, 310, "+")
    assert (plus["probability"], plus["calibrated"], plus["model_sha256"]) == (0.95, 0.02, "ab" * 32)
    assert (minus["record"], "calibrated" in minus) == ("chr 2", False)


def test_an_archived_file_has_its_price_and_a_deleted_one_has_not(world):
    upload = world.add("raw/lab1/a.fastq")
    world.ledger.move(upload, "VALIDATED", sha256="0" * 64, format="fastq")
    archive_as_it_is(world, upload)
    world.derive(upload)
    row = world.row("uploads")
    receipt = json.loads(world.account.s3.read("results", keys.receipt(upload.id)))
    assert (row["state"], row["archived"]) == ("ARCHIVED", receipt["verified_at"])
    assert row["archive_usd_month"] == receipt["prices"]["usd_per_month"] > 0
    assert (row["storage_class"], row["restore_hours"]) == ("DEEP_ARCHIVE", 48)
    assert row["free_to_delete_from"] == receipt["free_to_delete_from"]
    request.ask(world.services, world.ledger.require_upload(upload.id), request.Request("mistake"))
    world.clock.advance(8 * 86_400)
    forget(world.services, upload.id)
    world.derive(upload)
    row = world.row("uploads")
    assert (row["state"], "archive_usd_month" in row, "deleted" in row) == ("FORGOTTEN", False, True)


def archive_as_it_is(world: World, upload: Upload) -> None:
    import hashlib

    body = world.account.s3.read("landing", upload.key)
    world.ledger.note(world.ledger.require_upload(upload.id), sha256=hashlib.sha256(body).hexdigest())
    archive(world.services, upload.id)


def test_deleted_results_leave_no_rows(world):
    upload = world.add("contigs/a.fasta")
    world.predict(upload)
    world.derive(upload)
    assert len(world.rows("calls")) == 2
    for name in ("summary.json", "calls.bed"):
        world.services.s3.delete_object(Bucket="results", Key=keys.result("contigs", upload.id, 1, name))
    world.derive(upload)
    assert world.rows("calls") == world.rows("predictions") == []
    assert world.row("uploads")["state"] == "RECEIVED"


def test_any_order_and_number_of_events_ends_in_the_same_rows(monkeypatch):
    """Each prefix of the facts may have been derived, and any event may come again at the end."""
    ends = []
    for order in permutations(range(3)):
        world = World(monkeypatch)
        upload = world.add("contigs/lab1/a.fasta")
        for number in order:
            (World.report, World.predict, World.derive)[number](world, upload)
        world.derive(upload, upload)
        ends.append((world.rows("uploads"), world.rows("predictions"), world.rows("calls")))
    assert all(end == ends[0] for end in ends)
    assert [len(rows) for rows in ends[0]] == [1, 1, 2]


def test_rows_that_are_the_same_are_not_written_again(world):
    upload = world.add("reads/a.fastq")
    world.report(upload)
    world.derive(upload)
    (before,) = world.services.s3.list_object_versions(Bucket="results", Prefix="catalogue/")["Versions"]
    world.derive(upload)
    (after,) = world.services.s3.list_object_versions(Bucket="results", Prefix="catalogue/")["Versions"]
    assert before["VersionId"] == after["VersionId"]


def test_an_invocation_that_read_older_facts_does_not_replace_later_ones(world, monkeypatch):
    """It has read its facts when another one derives the rows from later facts."""
    upload = world.add("reads/a.fastq")
    world.report(upload)
    from seqdrop.stages.catalogue import rows

    read, late = rows.read_facts, []

    def read_and_pause(services, of):
        facts = read(services, of)
        if not late:
            late.append(True)
            world.report(upload, archived_before="A" * 26)
            write_upload_rows(services, of)
        return facts

    monkeypatch.setattr(rows, "read_facts", read_and_pause)
    world.derive(upload)
    assert world.row("uploads")["repeats"] == "A" * 26


def test_an_upload_that_the_ledger_forgot_keeps_its_rows(world, monkeypatch):
    upload = world.add("reads/a.fastq")
    world.report(upload)
    world.derive(upload)
    monkeypatch.setattr(Ledger, "find_upload", lambda *_: None)
    world.derive(upload)
    assert world.row("uploads")["state"] == "VALIDATED"


class TestRuns:
    FOLDER = "runs/20260105_LH00999_0012_A22ABCDLT4/"

    @pytest.fixture
    def run(self, world) -> Run:
        (analysis,) = [each for each in world.services.analyses.by_name.values() if each.prefix == "runs/"]
        world.ledger.create(Run.of_folder("landing", self.FOLDER, analysis.name))
        return world.ledger.find_run(Run.of_folder("landing", self.FOLDER, analysis.name).id)

    def test_samples_have_their_projects_and_so_have_rejected_files(self, world, run):
        upload = world.add(f"{self.FOLDER}fastq/S1_S1_L001_R1_001.fastq.gz")
        world.put(keys.reason(upload.id), {"code": "bad_gzip", "message": "cut off", "record": None, "line": None})
        world.derive(upload)
        assert "project" not in world.row("uploads")
        sample = {"sample_id": "S-1", "project": "liver", "status": "incomplete", "lanes": [1], "bytes": 7}
        sample |= {"files": {"R1": ["fastq/S1_S1_L001_R1_001.fastq.gz"]}, "missing": ["R2"]}
        key = keys.run_result(run.analysis, run.name, "run.json")
        part = {"folder": "", "samples": [sample]}
        report = {"run": run.id, "folder": self.FOLDER, "parts": [part], "state": "ARCHIVED"}
        world.put(key, report | {"rejected": [{"name": "x", "code": "bad_gzip", "upload": upload.id}]})
        catalogue(world.services, Derivable(run_report=key))
        row = world.row("uploads")
        assert (row["project"], row["sample"], row["run"]) == ("liver", "S-1", run.name)
        assert (row["sequenced"], row["state"]) == ("2026-01-05", "REJECTED")
        assert world.row("samples") == {
            "run": run.name,
            "analysis": run.analysis,
            "project": "liver",
            "sample": "S-1",
            "status": "incomplete",
            "missing": "R2",
            "lanes": "1",
            "files": 1,
            "bytes": 7,
            "run_state": "ARCHIVED",
        }


ID = "ABCDEFGHIJKLMNOPQRSTUVWX27"


def event(key: str, kind: str = "Object Created") -> dict:
    detail = {"bucket": {"name": "results"}, "object": {"key": key}}
    return {"source": "aws.s3", "detail-type": kind, "detail": detail}


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (event(keys.report(ID)), Derivable(upload=ID)),
        (event(keys.report(ID), "Object Deleted"), Derivable(upload=ID)),
        (event(keys.reason(ID)), Derivable(upload=ID)),
        (event(keys.receipt(ID)), Derivable(upload=ID)),
        (event(keys.tombstone(ID)), Derivable(upload=ID)),
        (event(keys.result("reads", ID, 1, "summary.json")), Derivable(upload=ID)),
        (event(keys.result("reads", ID, 2, "summary.json")), Derivable(upload=ID)),
        (event(keys.run_result("runs", "r 1", "run.json")), Derivable(run_report="runs/runs/r 1/run.json")),
        (event(keys.multiqc(ID, "seqdrop_gc_mqc.json")), None),
        (event(keys.manifest("2026-02-01")), None),
        (event(keys.training_result(ID, "plan.json")), None),
        (Derivable(upload=ID).message(), Derivable(upload=ID)),
        (Derivable(run_report="runs/a/b/run.json").message(), Derivable(run_report="runs/a/b/run.json")),
    ],
)
def test_messages_say_whose_facts_have_changed(body, about):
    assert parse_catalogue_message(body) == about


@pytest.mark.parametrize("body", [{}, {"source": "aws.s3", "detail-type": "Object Tags Added"}, {"job": "a"}])
def test_other_messages_are_refused(body):
    with pytest.raises(UnknownEventError, match="not a message of catalogue"):
        parse_catalogue_message(body)
