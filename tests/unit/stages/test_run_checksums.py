"""The checksum lists of a run and its uploads: what is noted, what is rejected, what is read again, and how often."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.reads.checksums import Checksums, compute_checksums
from seqdrop.runtime.services import now
from seqdrop.stages import run_checksums
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.run_checksums import ListResult, apply_lists
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.marked_runs import World, without_bundles
from tests.unit.stages.test_any_file import open_run

FOLDER = "runs/20240531_LH00130_0061_A22CC55LT4/"
SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "runs"
FILES = {f"Analysis/2/Data/{number}.csv": b"csv %d" % number for number in range(4)} | {"Analysis/2/Data/log": b""}
MANIFEST = "Analysis/2/Manifest.tsv"


def crc(body: bytes) -> str:
    return f"{zlib.crc32(body):08x}"


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


def manifest(files: dict[str, bytes], **changed: str) -> bytes:
    """Return the Manifest.tsv of Analysis/2; `changed` are checksums that replace those of the bytes, by base name."""
    rows = {name.removeprefix("Analysis/2/"): crc(body) for name, body in files.items()}
    rows |= {f"Data/{name}.csv": value for name, value in changed.items()}
    return "".join(f"{name}\t{value}\n" for name, value in rows.items()).encode()


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{md5(body)}  {name}\n" for name, body in files.items()).encode()


class Run:
    """A run folder in the landing bucket: all files are dropped and validated at the start."""

    def __init__(self, files: dict[str, bytes], world: World | None = None):
        self.world = world or World()
        self.files = dict(files)
        self.versions = {name: self.world.take(FOLDER + name, body) for name, body in files.items()}
        assert set(self.world.states(*self.versions.values())) <= {"VALIDATED"}
        self.reads, self.writes = 0, 0
        write = self.world.account.table.transact_write_items

        def count(request, headers):
            self.writes += len(request["TransactItems"])
            return write(request, headers)

        self.world.account.table.transact_write_items = count
        self.world.hook = lambda name: setattr(self, "reads", self.reads + (name == "get_object"))

    def apply(self, **more) -> ListResult:
        self.reads = self.writes = 0
        uploads = {name: self.world.upload(version) for name, version in self.versions.items()}
        return apply_lists(self.world.services, FOLDER, uploads, self.files.__getitem__, **more)

    def upload(self, name: str):
        return self.world.upload(self.versions[name])

    def receipt(self, name: str) -> dict:
        open_run(self.world, FOLDER)
        archive(self.world.services, self.versions[name].id)
        return self.world.read_json("receipts", self.versions[name])


def test_files_that_agree_are_noted_and_their_receipts_say_so():
    run = Run(FILES | {MANIFEST: manifest(FILES)})
    result = run.apply()
    assert result == ListResult(agreed=dict.fromkeys(FILES, MANIFEST))
    assert (run.reads, run.writes) == (0, len(FILES))  # no file is read again, and each is written once
    name, body = next(iter(FILES.items()))
    assert run.receipt(name)["checksum_list"] == {
        "key": FOLDER + MANIFEST,
        "algorithm": "crc32",
        "value": crc(body),
        "as": "as the sequencer wrote it",
    }
    assert run.upload(name).state == "ARCHIVED"
    assert run.apply() == result
    assert run.writes == 0


def test_a_file_that_differs_is_rejected_with_both_values_and_without_a_mail():
    run = Run(FILES | {MANIFEST: manifest(FILES, **{"1": "0badc0de"})})
    result = run.apply()
    name = "Analysis/2/Data/1.csv"
    message = f"its CRC32 is {crc(FILES[name])}, but Analysis/2/Manifest.tsv lists 0badc0de"
    assert result.differing == {name: message}
    assert result.agreed.keys() == FILES.keys() - {name}
    assert (run.upload(name).state, run.upload(name).reason) == ("REJECTED", "checksum_differs")
    reason = run.world.read_json("reasons", run.versions[name])
    assert (reason["code"], reason["message"]) == ("checksum_differs", message)
    assert not run.world.mails
    run.world.land(run.versions[name])  # it stays in the landing bucket
    assert run.apply().differing == {name: message}
    assert run.writes == 0


def test_a_list_of_another_prefix_rejects_with_a_mail():
    run = Run({})
    body = b"@r\nACGT\n+\nIIII\n"
    run.files |= {"S1.fastq": body, "S1.fastq.md5": b"0" * 32}
    version = run.world.take("raw/r/S1.fastq", body)
    listed = replace(run.world.upload(version), size=33)
    uploads = {"S1.fastq": run.world.upload(version), "S1.fastq.md5": listed}
    apply_lists(run.world.services, "raw/r/", uploads, run.files.__getitem__)
    assert run.world.states(version) == ["REJECTED"]
    assert len(run.world.mails) == 1


def test_md5_is_read_again_once_and_only_for_files_that_no_other_list_proves():
    more = {"fastq/a.txt": b"a", "fastq/b.txt": b"b"}
    run = Run(FILES | more | {MANIFEST: manifest(FILES), "md5sum.txt": sums(FILES | more)})
    result = run.apply()
    assert result.agreed == dict.fromkeys(FILES, MANIFEST) | dict.fromkeys(more, "md5sum.txt")
    assert (run.reads, run.writes) == (2, len(FILES) + 2)
    assert run.upload("fastq/a.txt").md5 == md5(b"a")
    assert run.apply() == result
    assert (run.reads, run.writes) == (0, 0)
    listed = run.receipt("fastq/a.txt")
    assert listed["landing"]["md5"] == md5(b"a")
    assert listed["checksum_list"]["algorithm"] == "md5"
    assert listed["checksum_list"]["as"] == "as the list says that came with the run"


def test_md5_that_the_pass_computed_is_not_read_again():
    world = World()
    analyses = world.services.analyses
    runs = replace(analyses.by_name["runs"], md5=True)
    world.services = replace(world.services, analyses=replace(analyses, by_name=analyses.by_name | {"runs": runs}))
    run = Run({"a.txt": b"a", "md5sum.txt": sums({"a.txt": b"a"})}, world)
    assert run.apply().agreed == {"a.txt": "md5sum.txt"}
    assert (run.reads, run.writes) == (0, 1)


def test_an_upload_that_an_earlier_version_examined_is_read_again_for_its_crc32():
    run = Run(FILES | {MANIFEST: manifest(FILES)})
    for name in FILES:
        assert run.world.ledger.note(run.upload(name), crc32="")
    assert run.apply().agreed == dict.fromkeys(FILES, MANIFEST)
    assert (run.reads, run.writes) == (len(FILES), len(FILES))
    assert [run.upload(name).crc32 for name in FILES] == [crc(body) for body in FILES.values()]
    assert run.upload(MANIFEST).md5 == ""


def test_a_difference_of_any_list_rejects_even_if_another_agrees():
    lists = {MANIFEST: manifest(FILES), "seqdrop-manifest.json": json.dumps(
        {"files": [{"name": "Analysis/2/Data/0.csv", "sha256": "0" * 64}]}).encode()}  # fmt: skip
    run = Run(FILES)
    run.files |= lists
    uploads = {name: run.upload(name) for name in FILES}
    uploads |= dict.fromkeys(lists, replace(uploads["Analysis/2/Data/log"], state="WAITING"))
    result = apply_lists(run.world.services, FOLDER, uploads, run.files.__getitem__)
    assert result.differing.keys() == {"Analysis/2/Data/0.csv"}
    assert "Analysis/2/Data/0.csv" not in result.agreed


def test_files_inside_bundles_are_compared_and_not_written():
    inside = {"Analysis/2/Data/5.csv": b"5", "Analysis/2/Data/6.csv": b"6", "Analysis/2/Data/7.csv": b"7"}
    run = Run(FILES | {MANIFEST: manifest(FILES | inside, **{"6": "0badc0de"})})
    bundled = {name: compute_checksums(body) for name, body in inside.items()}
    bundled["Analysis/2/Data/7.csv"] = Checksums(sha256="0" * 64)
    result = run.apply(bundled=bundled)
    assert result.agreed.keys() == FILES.keys() | {"Analysis/2/Data/5.csv"}
    assert result.differing == {"Analysis/2/Data/6.csv": f"its CRC32 is {crc(b'6')}, but {MANIFEST} lists 0badc0de"}
    assert (result.missing, result.unread, run.writes) == ({}, [], len(FILES))


def test_one_call_reads_a_bounded_number_of_bytes_again_and_the_next_one_continues():
    files = {f"{name}.bin": name.encode() * 10 for name in "abcd"} | {"large.bin": b"x" * 31}
    run = Run(files | {"md5sum.txt": sums(files)})
    first = run.apply(most_read=30)
    assert (list(first.agreed), first.unread, first.too_large) == (
        ["a.bin", "b.bin", "c.bin"], ["d.bin"], ["large.bin"]
    )  # fmt: skip
    second = run.apply(most_read=30)
    assert (sorted(second.agreed), second.unread) == (["a.bin", "b.bin", "c.bin", "d.bin"], [])
    assert (run.reads, run.writes) == (1, 1)


def test_lists_that_cannot_be_read_are_errors_and_the_others_are_applied(monkeypatch):
    monkeypatch.setattr(run_checksums, "MOST_LIST", 500)
    broken = {"b.md5": b"no list\n", "c/Manifest.tsv": b"x" * 501, MANIFEST: manifest(FILES)}
    run = Run(FILES | broken | {"gone.md5": b"1"})
    del run.files["gone.md5"]

    def read(name: str) -> bytes:
        if name not in run.files:
            raise FileNotFoundError(name)
        return run.files[name]

    uploads = {name: run.upload(name) for name in run.versions}
    result = apply_lists(run.world.services, FOLDER, uploads, read)
    assert [str(error).split(":")[0] for error in result.errors] == ["c/Manifest.tsv", "b.md5, line 1", "gone.md5"]
    assert result.agreed == dict.fromkeys(FILES, MANIFEST)


def test_files_that_a_list_names_and_that_are_not_there_are_missing():
    run = Run(FILES | {MANIFEST: manifest(FILES | {"Analysis/2/Data/9.csv": b"9"})})
    assert run.apply().missing == {MANIFEST: ["Analysis/2/Data/9.csv"]}


def test_a_file_that_was_deleted_before_it_is_read_again_is_left_to_the_archive():
    run = Run({"a.txt": b"a", "md5sum.txt": sums({"a.txt": b"a"})})
    run.world.delete(run.versions["a.txt"])
    assert run.apply() == ListResult()
    assert run.upload("a.txt").state == "VALIDATED"


def test_a_record_that_another_invocation_wrote_is_read_again():
    run = Run(FILES | {MANIFEST: manifest(FILES, **{"1": "0badc0de"})})
    uploads = {name: run.upload(name) for name in run.versions}
    for name in FILES:
        assert run.world.ledger.note(uploads[name], told_at="2026")
    result = apply_lists(run.world.services, FOLDER, uploads, run.files.__getitem__)
    for name in result.agreed:
        assert (run.upload(name).listed_by, run.upload(name).told_at) == (FOLDER + MANIFEST, "2026")
    assert run.upload("Analysis/2/Data/1.csv").state == "REJECTED"


class CrashError(Exception):
    """The end of an invocation in the middle."""


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.sets(st.integers(0, 3)))
def test_a_crash_at_any_call_leaves_nothing_undone(at, changed):
    files = FILES | {"fastq/a.txt": b"a"}
    lists = {MANIFEST: manifest(FILES, **{str(number): "0badc0de" for number in changed}), "x.md5": sums(files)}
    lists["x.md5"] = sums({"fastq/a.txt": b"a"} | {"Analysis/2/Data/0.csv": FILES["Analysis/2/Data/0.csv"]})
    lists["md5sum.txt"] = lists.pop("x.md5")
    run = Run(files | lists)
    calls = 0

    def crash(name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise CrashError

    run.world.hook = crash
    try:
        run.apply()
    except CrashError:
        run.world.hook = lambda name: None
        run.apply()
    run.world.hook = lambda name: None
    for number in range(4):
        upload = run.upload(f"Analysis/2/Data/{number}.csv")
        assert upload.state == ("REJECTED" if number in changed else "VALIDATED")
        assert (upload.listed_by == FOLDER + MANIFEST) == (number not in changed)
    assert run.upload("fastq/a.txt").listed_by == FOLDER + "md5sum.txt"
    run.apply()
    assert (run.reads, run.writes) == (0, 0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared/data/runs, real run folders, is not beside the checkout")
def test_a_real_novaseq_x_and_a_flow_cell_of_minknow_agree_with_their_lists():
    sources = {"novaseqx/20240531_LH00130_0061_A22CC55LT4": 5, "ont/made": 4}
    for source, agreed in sources.items():
        root = SHARED / source
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        files = {name: body for name, body in files.items() if not name.endswith("RunCompletionStatus.xml")}
        run = Run({name: body for name, body in files.items() if "final_summary" not in name})
        result = run.apply()
        assert (len(result.agreed), result.differing, result.errors) == (agreed, {}, [])
        assert run.writes == agreed


def test_real_clients_of_boto3_accept_every_request(services):
    services = replace(services, analyses=without_bundles(services.analyses))
    files = {"fastq/S1_R1_001.fastq": b"@r\nACGT\n+\nIIII\n", "InterOp/a.bin": b"\1", "b.md5": b"0" * 32, "b": b""}
    files["md5sum.txt"] = sums({name: files[name] for name in ("fastq/S1_R1_001.fastq", "InterOp/a.bin")})
    run = services.ledger.file_set(RUNS, f"landing/{FOLDER}")
    assert services.ledger.save(run.with_facts(opened_at=now()))
    uploads = {}
    for name, body in files.items():
        answer = services.s3.put_object(Bucket="landing", Key=FOLDER + name, Body=body)
        etag = answer["ETag"].strip('"')
        version = UploadVersion("landing", FOLDER + name, answer["VersionId"], len(body), etag)
        validate(services, version)
        uploads[name] = services.ledger.require_upload(version.id)
    result = apply_lists(services, FOLDER, uploads, files.__getitem__)
    assert result.agreed == dict.fromkeys(["fastq/S1_R1_001.fastq", "InterOp/a.bin"], "md5sum.txt")
    assert result.differing.keys() == {"b"}
    for upload in uploads.values():
        archive(services, upload.id)
    states = {name: services.ledger.require_upload(upload.id).state for name, upload in uploads.items()}
    assert states == dict.fromkeys(files, "ARCHIVED") | {"b": "REJECTED"}
    key = f"receipts/{uploads['InterOp/a.bin'].id}.json"
    receipt = json.loads(services.s3.get_object(Bucket="results", Key=key)["Body"].read())
    assert receipt["checksum_list"]["value"] == receipt["landing"]["md5"] == md5(b"\1")
