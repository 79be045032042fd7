"""A bundle of the archive on the embedded AWS: made in parts, resumed, restored, and one file read by its range."""

from __future__ import annotations

import hashlib
import random
import zlib
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from seqdrop.archive.location import locate
from seqdrop.aws import keys
from seqdrop.ledger.records import Upload
from seqdrop.ledger.run_record import Run
from seqdrop.runs import bundle_layout
from seqdrop.runtime.services import BUNDLING
from seqdrop.stages.archive import receipts
from seqdrop.stages.bundle.bundle import bundle
from seqdrop.stages.bundle.tar_object import TarObject
from seqdrop.uploads import UploadVersion

from local.testing import make_bucket, wait_for
from tests.support.aws.account import Account
from tests.support.services import direct_services

pytest_plugins = ["local.fixtures"]
FOLDER = "runs/20260105_LH00999_0012_A22ABCDLT4/"
PART = 5 << 20  # the smallest part that S3 accepts


@pytest.fixture
def stack(aws, monkeypatch):
    """Return services whose S3 is the embedded one, and 20 validated files of a complete run: name → bytes."""
    monkeypatch.setattr(bundle_layout, "PART", PART)
    buckets = {name: make_bucket(aws, versioned=True) for name in ("landing", "archive", "results", "work")}
    s3 = aws.session().client("s3", config=BUNDLING)
    plain = direct_services(Account())
    services = replace(plain, s3=s3, settings=replace(plain.settings, **buckets))
    run = replace(Run.of_folder(buckets["landing"], FOLDER, "runs"), complete=[""])
    assert services.ledger.create(run)
    source, files = random.Random(1), {}
    for number in range(20):
        name, body = f"Data/é {number:02d}+.bci", source.randbytes(600_000 + number)
        put = s3.put_object(Bucket=buckets["landing"], Key=FOLDER + name, Body=body)
        version = UploadVersion(buckets["landing"], FOLDER + name, put["VersionId"], len(body), "e")
        checksums = compute_checksums(body)
        services.ledger.create(Upload.from_version(version, "runs"))
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", format="other", **checksums)
        files[name] = (version, body)
    return services, run, files


def compute_checksums(body: bytes) -> dict[str, str]:
    """Return the checksums that validation records."""
    return {"sha256": hashlib.sha256(body).hexdigest(), "crc32": f"{zlib.crc32(body):08x}"}


def restore(s3, bucket: str, key: str) -> None:
    request = {"Days": 1, "GlacierJobParameters": {"Tier": "Bulk"}}
    s3.restore_object(Bucket=bucket, Key=key, RestoreRequest=request)
    wait_for(lambda: 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key=key).get("Restore", ""), timeout=30)


def test_a_bundle_is_continued_archived_and_one_file_comes_back_by_its_range(stack):
    services, run, files = stack
    bundle(services, run.id)
    (plan_id,) = services.ledger.run_bundles(run.id).plans
    left = iter([True, False])
    bundle(services, run.id, plan_id, lambda: next(left))  # it ends after one part
    archive = services.settings.archive
    (unfinished,) = services.s3.list_multipart_uploads(Bucket=archive)["Uploads"]
    place = {"Bucket": archive, "Key": unfinished["Key"], "UploadId": unfinished["UploadId"]}
    first = services.s3.list_parts(**place)["Parts"]
    assert len(first) == 1
    sent = []
    send = TarObject._send_part

    def count(self, multipart, part, body):
        sent.append(part.number)
        return send(self, multipart, part, body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TarObject, "_send_part", count)
        bundle(services, run.id, plan_id)
    assert sent == [2, 3]
    assert not services.s3.list_object_versions(Bucket=services.settings.landing).get("Versions")
    (tar,) = services.s3.list_objects_v2(Bucket=archive)["Contents"]
    assert tar["StorageClass"] == "DEEP_ARCHIVE"
    version, body = files["Data/é 13+.bci"]
    receipt = receipts.read_receipt(services.s3, services.settings.results, version.id)
    where = locate(receipt)
    assert services.s3.head_object(Bucket=services.settings.results, Key=keys.bundle_index(where.key))
    ranged = {"Bucket": where.bucket, "Key": where.key, "VersionId": where.version_id, "Range": where.range}
    with pytest.raises(ClientError, match="InvalidObjectState"):
        services.s3.get_object(**ranged)
    restore(services.s3, where.bucket, where.key)
    content = services.s3.get_object(**ranged)["Body"].read()
    assert (content, hashlib.sha256(content).hexdigest()) == (body, where.sha256)


def test_s3_refuses_a_part_whose_bytes_are_not_those_of_its_checksum(stack, monkeypatch):
    services, run, files = stack
    bundle(services, run.id)
    (plan_id,) = services.ledger.run_bundles(run.id).plans
    monkeypatch.setattr("seqdrop.stages.bundle.tar_object.encode_crc32", lambda value: "AAAAAA==")
    with pytest.raises(ClientError, match="BadDigest"):
        bundle(services, run.id, plan_id)
    states = {services.ledger.find_upload(version.id).state for version, _ in files.values()}
    assert states == {"VALIDATED"}
    assert len(services.s3.list_object_versions(Bucket=services.settings.landing)["Versions"]) == len(files)
