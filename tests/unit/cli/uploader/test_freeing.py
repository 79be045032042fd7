"""A local file is deleted only if a receipt proves that the archive has the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass, replace

import pytest
from seqdrop.ledger.records import Upload
from seqdrop.runs import bundle_policy
from seqdrop.uploads import UploadVersion
from seqdrop_cli.uploader.bundled_plan import BundledPlan
from seqdrop_cli.uploader.freeing import find_freeable, free
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.proofs import Proofs

from tests.unit.cli.uploader.scripted_s3 import ScriptedS3, refusal


@dataclass
class Archived:
    """A stack that has archived what was sent, with a receipt for each file."""

    s3: ScriptedS3
    uploads: dict[str, Upload]
    receipts: dict[str, dict]
    landing: str = "landing"
    results: str = "results"

    def client(self, _: str):
        return self

    def ledger(self):
        return self

    def find_upload(self, upload_id: str) -> Upload | None:
        return self.uploads.get(upload_id)

    def get_object(self, Bucket: str, Key: str) -> dict:  # noqa: N803
        assert Bucket == "results"
        if Key not in self.receipts:
            raise refusal("GetObject", "NoSuchKey", 404)
        return {"Body": io.BytesIO(json.dumps(self.receipts[Key]).encode())}

    def items(self):
        return self.receipts.values()


@pytest.fixture
def archived(engine, s3, run) -> Archived:
    engine.run(run)
    return archive_all(s3)


def archive_all(s3) -> Archived:
    """Return a stack that has archived what is in the landing bucket."""
    stack = Archived(s3, {}, {})
    for key, (version,) in s3.versions.items():
        sent = UploadVersion("landing", key, version["VersionId"], len(version["body"]), "e")
        upload = replace(Upload.from_version(sent, "runs"), state="ARCHIVED")
        stack.uploads[upload.id] = upload
        landing = {"bucket": "landing", "key": key, "version_id": sent.version_id, "size": sent.size}
        landing["sha256"] = hashlib.sha256(version["body"]).hexdigest()
        stack.receipts[f"receipts/{upload.id}.json"] = {"landing": landing}
    return stack


def find(archived, state, folder, spool=None):
    plan = Plan([folder], Placement.of())
    return find_freeable(Proofs(archived, state, spool), [item for unit in plan.units() for item in unit])


def test_a_run_whose_files_all_have_receipts_is_freed(archived, state, run):
    freeable = find(archived, state, run)
    assert (len(freeable.files), freeable.kept) == (8, {})
    assert (run / "RunInfo.xml").exists()  # it was only found
    assert free(freeable) == (8, freeable.size)
    assert not [path for path in run.rglob("*") if path.is_file()]


def spoil_state(archived):
    name = next(iter(archived.uploads))
    archived.uploads[name] = replace(archived.uploads[name], state="VALIDATED")


def spoil_receipt(field):
    def spoil(archived):
        landing = next(iter(archived.items()))["landing"]
        landing[field] = landing[field] + 1 if field == "size" else landing[field] + "0"

    return spoil


def lose_receipt(archived):
    archived.receipts.pop(next(iter(archived.receipts)))


def lose_upload(archived):
    archived.uploads.pop(next(iter(archived.uploads)))


SPOILERS = [spoil_state, lose_receipt, lose_upload]
SPOILERS += [spoil_receipt(field) for field in ("bucket", "key", "version_id", "size", "sha256")]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_of_a_run_nothing_is_freed_if_one_file_is_not_proven(archived, state, run, spoil):
    spoil(archived)
    freeable = find(archived, state, run)
    assert freeable.files == []
    assert freeable.kept["its run is not archived as a whole"] == 7


def test_a_file_that_has_changed_since_it_was_sent_stays(archived, state, run):
    (run / "Data/s.locs").write_bytes(b"y" * 50)
    assert find(archived, state, run).kept["not sent as it is now"] == 1


def test_bytes_that_changed_without_a_trace_are_found_by_their_hash(archived, state, run):
    path = run / "Data/s.locs"
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find(archived, state, run).kept["the receipt is of other bytes"] == 1


def test_a_file_that_changes_after_the_comparison_is_not_deleted(archived, state, run):
    freeable = find(archived, state, run)
    (run / "RunInfo.xml").write_text("new")
    assert free(freeable)[0] == 7
    assert (run / "RunInfo.xml").read_text() == "new"


def test_a_link_is_never_followed(archived, state, run, tmp_path):
    (run / "RunInfo.xml").rename(tmp_path / "elsewhere.xml")
    (run / "RunInfo.xml").symlink_to(tmp_path / "elsewhere.xml")
    assert find(archived, state, run).files == []
    assert (tmp_path / "elsewhere.xml").exists()


@pytest.fixture
def bundled(engine, s3, run, tmp_path, monkeypatch):
    """A run with six small files that were sent in a bundle. Yield its stack and its spool."""
    monkeypatch.setattr(bundle_policy, "LEAST_FILES", 3)
    for number in range(6):
        path = run / f"Thumbnail_Images/{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"image %d" % number)
    source = BundledPlan(Plan([run], Placement.of()), tmp_path / "spools", lambda _: None)
    engine.uploader.run(source)
    for event in engine.events:
        source.take(event)
    yield archive_all(s3), source.find_spool(f"runs/{run.name}/")
    source.close()


def test_bundled_files_are_freed_if_their_bundle_has_a_receipt(bundled, state, run):
    archived, spool = bundled
    assert sum(key.endswith(".tar") for key in archived.s3.versions) == 1
    freeable = find(archived, state, run, spool)
    assert (len(freeable.files), freeable.kept) == (14, {})


def test_without_the_spool_bundled_files_stay(bundled, state, run):
    archived, _ = bundled
    assert find(archived, state, run).kept["not sent as it is now"] == 1


@pytest.mark.parametrize("spoil", [spoil_state, lose_receipt, spoil_receipt("sha256"), spoil_receipt("version_id")])
def test_bundled_files_stay_if_the_bundle_is_not_proven(bundled, state, run, spoil):
    archived, spool = bundled
    tar = next(name for name, upload in archived.uploads.items() if upload.key.endswith(".tar"))
    only = Archived(archived.s3, {tar: archived.uploads[tar]}, {})
    only.receipts[f"receipts/{tar}.json"] = archived.receipts[f"receipts/{tar}.json"]
    spoil(only)
    archived.uploads[tar] = only.uploads[tar]
    archived.receipts.pop(f"receipts/{tar}.json")
    archived.receipts.update(only.receipts)
    freeable = find(archived, state, run, spool)
    assert (freeable.files, freeable.kept["its run is not archived as a whole"]) == ([], 13)


def test_a_bundled_file_that_changed_without_a_trace_keeps_the_run(bundled, state, run):
    archived, spool = bundled
    path = run / "Thumbnail_Images/3.jpg"
    status = path.stat()
    path.write_bytes(b"other 3")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    freeable = find(archived, state, run, spool)
    assert (freeable.files, freeable.kept["the receipt is of other bytes"]) == ([], 1)
