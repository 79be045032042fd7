"""No landing object is deleted before its copy is verified, and no verified object is copied again."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

import boto3
import pytest
from seqdrop.aws.s3 import protect_existing_copies
from seqdrop.errors import ArchiveMismatchError
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.ledger.table import Ledger
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.archive.cold_copy import archive_key
from seqdrop.uploads import UploadVersion

BODY = b"@r\nACGT\n+\nIIII\n"
SHA256 = hashlib.sha256(BODY).hexdigest()
ROT = base64.b64encode(hashlib.sha256(b"rot").digest()).decode()


class S3:
    """A proxy of the client `real`.

    It raises KeyboardInterrupt before the call `dies_before`, calls the functions in `before` ahead of the calls that
    they are named for, and returns a wrong checksum if `damaged`. Like the client of a Lambda, it never copies over an
    existing object; for that `real` is changed, so no other test may use it.
    """

    def __init__(self, real):
        protect_existing_copies(real)
        self._real, self.dies_before, self.calls, self.damaged = real, None, [], False
        self.before = {}

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if not callable(real):
            return real

        def call(**arguments):
            if name == self.dies_before:
                self.dies_before = None
                raise KeyboardInterrupt(name)
            self.calls.append(name)
            if before := self.before.pop(name, None):
                before()
            response = real(**arguments)
            if self.damaged and "ChecksumSHA256" in response:
                response["ChecksumSHA256"] = ROT
            return response

        return call


@pytest.fixture
def s3(services):
    return S3(boto3.client("s3"))


@pytest.fixture
def upload(services) -> Upload:
    put = services.s3.put_object(Bucket="landing", Key="raw/run 1/a+b.fastq", Body=BODY)
    version = UploadVersion("landing", "raw/run 1/a+b.fastq", put["VersionId"], len(BODY), "e")
    services.ledger.create(Upload.from_version(version, "raw"))
    services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", sha256=SHA256)
    return services.ledger.find_upload(version.id)


def list_keys(services, bucket: str) -> list[str]:
    listing = services.s3.list_object_versions(Bucket=bucket)
    return [item["Key"] for kind in ("Versions", "DeleteMarkers") for item in listing.get(kind, [])]


def test_an_upload_is_copied_verified_receipted_and_deleted(services, s3, upload):
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "ARCHIVED"
    assert list_keys(services, "landing") == []
    assert list_keys(services, "archive") == [f"raw/run 1/{upload.id}/a+b.fastq"]
    receipt = json.loads(services.s3.get_object(Bucket="results", Key=f"receipts/{upload.id}.json")["Body"].read())
    assert receipt["landing"]["sha256"] == receipt["archive"]["sha256"] == SHA256
    assert receipt["archive"]["storage_class"] == "DEEP_ARCHIVE"
    assert receipt["restore"]["bulk"]["hours_at_most"] == 48
    assert receipt["billed_overhead_bytes"] == {"deep_archive": 32_768, "standard": 8_192}


@pytest.mark.parametrize("where", ["head_object", "copy_object", "put_object", "delete_object"])
def test_after_a_crash_anywhere_a_second_delivery_archives_the_upload(services, s3, upload, where):
    s3.dies_before = where
    with pytest.raises(KeyboardInterrupt):
        archive(replace(services, s3=s3), upload.id)
    assert list_keys(services, "landing"), "deleted before everything else was done"
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "ARCHIVED"
    assert list_keys(services, "landing") == []
    assert s3.calls.count("copy_object") == 1


def test_after_a_crash_after_the_deletion_the_next_delivery_archives_the_upload(services, s3, upload, monkeypatch):
    monkeypatch.setattr(
        type(services.ledger), "move_together", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        archive(replace(services, s3=s3), upload.id)
    monkeypatch.undo()
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "ARCHIVED"


def crash(*_, **__):
    raise KeyboardInterrupt


def test_a_copy_deleted_between_a_crash_and_the_next_delivery_is_mailed(services, s3, upload, sent, monkeypatch):
    with monkeypatch.context() as crashing:
        crashing.setattr(Ledger, "move_together", crash)
        with pytest.raises(KeyboardInterrupt):
            archive(replace(services, s3=s3), upload.id)
    s3.delete_object(Bucket=services.settings.archive, Key=archive_key(upload))
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "ARCHIVED"  # the lab deleted the copy, not its file
    assert "the archived copy of" in sent[-1][1]["Subject"]


def test_a_copy_that_differs_keeps_the_original_and_notifies_the_lab(services, s3, upload, sent):
    s3.damaged = True
    with pytest.raises(ArchiveMismatchError):
        archive(replace(services, s3=s3), upload.id)
    assert list_keys(services, "landing") == [upload.key]
    assert services.ledger.find_upload(upload.id).state == "VALIDATED"
    (mail,) = [mail for queue, mail in sent if queue == "topic"]
    rot = hashlib.sha256(b"rot").hexdigest()
    assert f"Difference: sha256 is {rot}, and should be {SHA256}\n" in mail["Message"]


def test_other_versions_of_the_key_are_not_touched(services, s3, upload):
    services.s3.put_object(Bucket="landing", Key=upload.key, Body=b"newer")
    archive(replace(services, s3=s3), upload.id)
    assert services.s3.get_object(Bucket="landing", Key=upload.key)["Body"].read() == b"newer"
    assert list_keys(services, "landing") == [upload.key]


def test_an_upload_deleted_before_it_was_archived_is_withdrawn(services, s3, upload):
    services.s3.delete_object(Bucket="landing", Key=upload.key, VersionId=upload.version_id)
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "WITHDRAWN"


def test_a_second_message_finds_the_receipt_and_does_nothing(services, s3, upload):
    archive(replace(services, s3=s3), upload.id)
    calls = list(s3.calls)
    archive(replace(services, s3=s3), upload.id)
    archive(replace(services, s3=s3), "ABCDEFGHIJKLMNOPQRSTUVWX27")
    assert s3.calls == [*calls, "head_object"]


def test_a_lost_receipt_is_written_again(services, s3, upload, sent):
    archive(replace(services, s3=s3), upload.id)
    key = f"receipts/{upload.id}.json"
    before = services.s3.get_object(Bucket="results", Key=key)["Body"].read()
    services.s3.delete_object(Bucket="results", Key=key)
    archive(replace(services, s3=s3), upload.id)
    after = json.loads(services.s3.get_object(Bucket="results", Key=key)["Body"].read())
    assert after | {"verified_at": ""} == json.loads(before) | {"verified_at": ""}
    assert sent == []


def test_a_delete_marker_withdraws_the_upload_and_its_version_stays(services, s3, upload):
    services.s3.delete_object(Bucket="landing", Key=upload.key)
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "WITHDRAWN"
    assert list_keys(services, "landing") == [upload.key, upload.key]
    assert list_keys(services, "archive") == []


def test_a_delete_marker_after_the_verification_changes_nothing(services, s3, upload):
    s3.dies_before = "delete_object"
    with pytest.raises(KeyboardInterrupt):
        archive(replace(services, s3=s3), upload.id)
    services.s3.delete_object(Bucket="landing", Key=upload.key)
    archive(replace(services, s3=s3), upload.id)
    assert services.ledger.find_upload(upload.id).state == "ARCHIVED"


def test_records_expire_and_attempts_expire_with_their_upload(services, s3, upload):
    ledger = Ledger(services.ledger._table, services.ledger._now, keep_days=10)
    ledger.create(Attempt("PLANNED", upload_id=upload.id, analysis="raw"))
    (attempt,) = ledger.attempts(upload.id)
    ledger.claim(Job("PLANNED", name="j", members=[attempt.key]), [attempt])
    ledger.move(ledger.find_attempt(attempt.key), "PREDICTED")
    assert (ledger.find_attempt(attempt.key).expires_at, ledger.find_upload(upload.id).expires_at) == (0, 0)
    archive(replace(services, s3=s3, ledger=ledger), upload.id)
    ended = [ledger.find_upload(upload.id), ledger.find_attempt(attempt.key)]
    assert ended[0].state == "ARCHIVED"
    moved = datetime.fromisoformat(ended[0].moved_at)
    assert ended[0].expires_at == int((moved + timedelta(days=10)).timestamp())
    assert ended[1].expires_at > 0


def test_two_versions_of_a_key_get_separate_archive_keys():
    first, second = (
        Upload.from_version(UploadVersion("b", "raw/x/a.fq", version, 1, "e"), "raw") for version in ("1", "2")
    )
    assert archive_key(first) != archive_key(second)
    assert archive_key(first).startswith("raw/x/")
    assert archive_key(first).endswith("/a.fq")


@pytest.mark.parametrize("moment", ["head_object", "copy_object", "put_object", "delete_object"])
def test_two_simultaneous_invocations_make_one_copy_and_archive_the_upload(services, s3, upload, moment):
    """A second invocation runs from start to end while the first is paused, at each of its steps in turn."""
    both = replace(services, s3=s3)
    s3.before = {moment: lambda: archive(both, upload.id)}
    archive(both, upload.id)
    assert services.ledger.find_upload(upload.id).state == "ARCHIVED"
    assert len(list_keys(services, "archive")) == 1
    assert list_keys(services, "landing") == []
