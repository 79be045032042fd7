"""`seqdrop drop`, `fetch` and `env`: files are uploaded, results downloaded, environments printed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.stages.duplicates import AGAIN
from seqdrop.uploads import UploadVersion
from seqdrop_cli.progress import read_progress

FASTQ = b"@r1\nACGT\n+\nIIII\n"


ENVIRONMENTS = {"ArchiveFunction": {"A": "b"}, "ForgetFunction": {"A": "b", "OWN": "c"}}


@pytest.fixture
def s3(cloud):
    client = boto3.client("s3")
    for bucket in ("landing", "results"):
        client.create_bucket(Bucket=bucket)
    return client


@pytest.fixture
def target(s3, ledger, use_target):
    names = {"landing": "landing", "results": "results", "endpoint": None}
    stack = SimpleNamespace(**names, client=lambda name: s3, ledger=lambda: ledger, environments=lambda: ENVIRONMENTS)
    use_target(stack)
    return stack


@pytest.fixture
def run7(tmp_path):
    folder = tmp_path / "run7"
    folder.mkdir()
    (folder / "a b.fastq").write_bytes(FASTQ)
    (folder / "genome.fa").write_bytes(b">c\nACGT\n")
    (folder / ".hidden").write_bytes(b"")
    return folder


@pytest.mark.parametrize(("to", "prefixes"), [((), ("raw/", "raw/")), (("--to", "auto"), ("reads/", "contigs/"))])
def test_a_folder_is_dropped_and_each_file_is_a_line(target, s3, run7, seqdrop, to, prefixes):
    outcome = seqdrop("drop", run7, *to)
    assert outcome.status == 0
    lines = [line.split("  ") for line in outcome.out.splitlines()]
    expected = [f"s3://landing/{prefixes[0]}run7/a b.fastq", f"s3://landing/{prefixes[1]}run7/genome.fa"]
    assert sorted(url for _, url in lines) == sorted(expected)
    for upload_id, url in lines:
        key = url.removeprefix("s3://landing/")
        head = s3.head_object(Bucket="landing", Key=key)
        assert upload_id == UploadVersion("landing", key, head.get("VersionId", "null"), 0, "").id
    assert s3.get_object(Bucket="landing", Key=f"{prefixes[0]}run7/a b.fastq")["Body"].read() == FASTQ


@pytest.mark.parametrize("prefix", [(), ("--prefix", "training/")])
def test_job_toml_is_uploaded_after_the_files_of_its_set(target, tmp_path, seqdrop, prefix):
    folder = tmp_path / "lab" / ("sets" if prefix else "training/sets")
    for name in ("a/job.toml", "a/labels.fasta", "a/sequences.fasta", "b/all.csv", "b/job.toml", "b/zz.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b">r\nACGT\n")
    outcome = seqdrop("drop", folder if prefix else tmp_path / "lab", *prefix)
    names = [line.rpartition("/sets/")[2] for line in outcome.out.splitlines()]
    assert [name for name in names if name.startswith("a/")] == ["a/labels.fasta", "a/sequences.fasta", "a/job.toml"]
    assert [name for name in names if name.startswith("b/")] == ["b/all.csv", "b/zz.csv", "b/job.toml"]


@pytest.mark.parametrize(("state", "status"), [("ARCHIVED", 0), ("REJECTED", 1)])
def test_the_status_of_watching_says_whether_all_were_archived(target, run7, seqdrop, monkeypatch, state, status):
    final = SimpleNamespace(state=state, waits_for="")
    monkeypatch.setattr("seqdrop_cli.watch.watch", lambda ledger, versions, console: [final for _ in versions])
    assert seqdrop("drop", run7, "--watch").status == status


def test_a_bucket_that_refuses_a_file_is_reported_in_one_line(target, s3, run7, seqdrop):
    target.landing = "absent"
    outcome = seqdrop("drop", run7 / "genome.fa")
    assert (outcome.status, outcome.out, outcome.err.count("\n")) == (2, "", 2)
    assert f"{run7 / 'genome.fa'} could not be uploaded" in outcome.err


@pytest.fixture
def predicted(ledger, s3) -> Upload:
    """Create an upload with a report, figures, predictions and an object of another upload."""
    version = UploadVersion("landing", "reads/../S1.fastq", "v", 7, "e")
    ledger.create(Upload.from_version(version, "reads", "reads/"))
    attempt = Attempt("PLANNED", upload_id=version.id, analysis="reads")
    ledger.move(ledger.find_upload(version.id), "VALIDATED", attempt, records=1)
    for key in (
        keys.report(version.id),
        f"{keys.multiqc_prefix(version.id)}general.json",
        f"{keys.upload_results('reads', version.id)}predictions.jsonl",
        keys.report("OTHER"),
    ):
        s3.put_object(Bucket="results", Key=key, Body=b"{}")
    return ledger.find_upload(version.id)


def test_results_are_downloaded_to_a_folder_that_the_key_cannot_leave(target, predicted, tmp_path, seqdrop):
    outcome = seqdrop("fetch", predicted.id, "--to", tmp_path / "out")
    assert outcome.status == 0
    names = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    folder = "out/reads/S1.fastq"
    results = {f"{folder}/report.json", f"{folder}/multiqc/general.json", f"{folder}/predictions.jsonl"}
    assert names == {*results, f"{folder}/upload.json"}
    assert set(outcome.out.splitlines()) == {str(tmp_path / name) for name in results}
    assert json.loads((tmp_path / folder / "upload.json").read_text())["upload"] == predicted.id


def test_a_folder_without_files_is_refused(target, tmp_path, seqdrop):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/.hidden").write_bytes(FASTQ)
    outcome = seqdrop("drop", tmp_path / "empty")
    assert (outcome.status, outcome.out) == (2, "")
    assert "there are no files in" in outcome.err


def test_an_upload_without_results_is_reported_with_its_state(target, ledger, tmp_path, seqdrop):
    version = UploadVersion("landing", "reads/S2.fastq", "v", 7, "e")
    ledger.create(Upload.from_version(version, "reads", "reads/"))
    outcome = seqdrop("fetch", version.id, "--to", tmp_path / "out")
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err == "reads/S2.fastq has no results yet; `seqdrop status` shows its state (RECEIVED)\n"


def test_an_unknown_upload_is_refused(target, seqdrop):
    outcome = seqdrop("fetch", "ABC")
    assert outcome.status == 2
    assert "there is no upload ABC: it is no file name, key, run, sample or upload id; `seqdrop status`" in outcome.err


def test_an_upload_without_a_record_has_landed(ledger):
    progress = read_progress(ledger, "ABC", "reads/S1.fastq", 7)
    assert (progress.state, progress.detail, progress.is_final) == ("LANDED", "", False)


def test_the_environment_of_the_functions_is_json(target, seqdrop):
    assert json.loads(seqdrop("env").out) == ENVIRONMENTS
    target.endpoint = "http://127.0.0.1:1"
    outcome = seqdrop("env")
    assert (outcome.status, "name one with --stack NAME" in outcome.err) == (2, True)


def test_a_closed_pipe_is_not_reported_as_an_error(target, seqdrop, monkeypatch):
    def write(_):
        raise BrokenPipeError

    monkeypatch.setattr("seqdrop_cli.commands.env.json.dumps", lambda *_, **__: write(None))
    monkeypatch.setattr("seqdrop_cli.main._close_output", lambda: None)
    outcome = seqdrop("env")
    assert (outcome.status, outcome.out, outcome.err) == (141, "", "")


@pytest.fixture
def archived(s3, ledger, target, seqdrop, run7, state_of_uploads):
    """The folder run7, whose files another machine sent; they are archived and deleted from the landing bucket."""
    lines = [line.split("  ") for line in seqdrop("drop", run7).out.splitlines()]
    for (upload_id, url), name in ((line, line[1].rpartition("/")[2]) for line in lines):
        body = (run7 / name).read_bytes()
        version = UploadVersion("landing", url.removeprefix("s3://landing/"), "null", len(body), "")
        upload = replace(Upload.from_version(version, "raw"), id=upload_id, sha256=hashlib.sha256(body).hexdigest())
        ledger.create(upload)
        ledger.move(ledger.find_upload(upload_id), "VALIDATED")
        ledger.move(ledger.find_upload(upload_id), "ARCHIVED")
        ledger.save(ArchivedFile.of(upload).with_upload(upload_id))
        s3.delete_object(
            Bucket="landing", Key=version.key, VersionId=s3.head_object(Bucket="landing", Key=version.key)["VersionId"]
        )
    state_of_uploads.unlink()
    return run7


def landed(s3) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="landing").get("Contents", [])]


def test_files_that_are_archived_already_are_not_uploaded(archived, s3, seqdrop):
    outcome = seqdrop("drop", archived)
    assert (outcome.status, outcome.out, landed(s3)) == (0, "", [])
    assert "2 of 2 files are archived already" in outcome.err
    assert "--again" in outcome.err


def test_a_changed_file_is_uploaded_and_the_others_are_not(archived, s3, seqdrop):
    (archived / "genome.fa").write_bytes(b">c\nACGA\n")
    assert "1 of 2 files" in seqdrop("drop", archived).err
    assert landed(s3) == ["raw/run7/genome.fa"]


def test_again_uploads_archived_files_with_the_metadata_that_validate_reads(archived, s3, seqdrop):
    assert "already" not in seqdrop("drop", archived, "--again").err
    assert landed(s3) == ["raw/run7/a b.fastq", "raw/run7/genome.fa"]
    assert s3.head_object(Bucket="landing", Key="raw/run7/a b.fastq")["Metadata"] == {AGAIN: "1"}


def test_of_mates_both_are_uploaded_if_one_has_changed(archived, s3, ledger, seqdrop):
    """A changed file is processed with the other, which the landing bucket no longer has."""
    for name in ("S_R1.fastq", "S_R2.fastq"):
        (archived / name).write_bytes(FASTQ)
    upload = Upload("VALIDATED", id="A" * 26, bucket="landing", key="reads/run7/S_R1.fastq", size=len(FASTQ))
    file = ArchivedFile.of(upload, hashlib.sha256(FASTQ).hexdigest())
    ledger.save(file.with_upload(next(upload.id for upload in ledger.in_state("upload", "ARCHIVED"))))
    pair = ("drop", archived, "--to", "reads", "--include", "S_R*")
    assert seqdrop(*pair).status == 0
    assert landed(s3) == ["reads/run7/S_R1.fastq", "reads/run7/S_R2.fastq"]
    before = {item["Key"]: item["ETag"] for item in s3.list_objects_v2(Bucket="landing")["Contents"]}
    (archived / "S_R2.fastq").write_bytes(FASTQ.replace(b"IIII", b"HHHH"))
    assert "2 files sent" in seqdrop(*pair).err
    assert before["reads/run7/S_R1.fastq"] == s3.head_object(Bucket="landing", Key="reads/run7/S_R1.fastq")["ETag"]


def test_without_permission_to_read_the_ledger_all_files_are_uploaded(archived, ledger, s3, seqdrop, monkeypatch):
    def refuse(*_) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetItem")

    monkeypatch.setattr(ledger, "archived_file", refuse)
    assert seqdrop("drop", archived).status == 0
    assert len(landed(s3)) == 2
