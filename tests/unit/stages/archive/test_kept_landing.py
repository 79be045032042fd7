"""keep_days: the landing version stays after its copy was verified, and is removed on time, never earlier."""

import json
from dataclasses import replace

import boto3
import pytest
from seqdrop.config.analyses import Analyses
from seqdrop.ledger.kept_versions import KeptVersion
from seqdrop.ledger.records import Upload
from seqdrop.ledger.table import Ledger
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.archive.kept_landing import resend_due
from seqdrop.uploads import UploadVersion

from tests.unit.stages.archive.test_archive import BODY, S3, SHA256, list_keys, upload  # noqa: F401 - a fixture

DAY = 24 * 60  # minutes


@pytest.fixture
def s3(services):
    return S3(boto3.client("s3"))


@pytest.fixture
def keeping(services, s3):
    """The services of a deployment whose analysis raw keeps files for seven days."""
    raw = replace(services.analyses.by_name["raw"], keep_days=7)
    return replace(services, s3=s3, analyses=Analyses(services.analyses.by_name | {"raw": raw}))


def run_reconciler(services) -> None:
    """Play the reconciler's check, and deliver its messages."""
    sent = []
    resend_due(replace(services, sqs=Queue(sent)))
    for upload_id in sent:
        archive(services, upload_id)


class Queue:
    def __init__(self, sent: list[str]):
        self.sent = sent

    def send_message(self, **request: str) -> None:
        self.sent.append(json.loads(request["MessageBody"])["upload"])


def test_the_version_stays_for_its_days_and_is_then_removed(services, keeping, upload, clock, sent):  # noqa: F811
    archive(keeping, upload.id)
    archived = services.ledger.require_upload(upload.id)
    assert (archived.state, archived.kept_until) == ("ARCHIVED", "2026-02-08T00:00:00.000Z")
    assert list_keys(services, "landing") == [upload.key]
    receipt = json.loads(services.s3.get_object(Bucket="results", Key=f"receipts/{upload.id}.json")["Body"].read())
    assert receipt["landing"]["kept_until"] == archived.kept_until
    clock.pass_minutes(7 * DAY - 1)
    run_reconciler(keeping)
    archive(keeping, upload.id)  # a message that is delivered again removes nothing early
    assert list_keys(services, "landing") == [upload.key]
    clock.pass_minutes(2)
    run_reconciler(keeping)
    assert list_keys(services, "landing") == []
    assert services.ledger.require_upload(upload.id).kept_until == ""
    assert services.ledger.require_upload(upload.id).state == "ARCHIVED"
    assert [*services.ledger.kept_uploads("9")] == []
    assert sent == []


def test_other_versions_of_the_key_are_not_touched(services, keeping, upload, clock):  # noqa: F811
    archive(keeping, upload.id)
    services.s3.put_object(Bucket="landing", Key=upload.key, Body=b"newer")
    clock.pass_minutes(8 * DAY)
    run_reconciler(keeping)
    assert list_keys(services, "landing") == [upload.key]
    assert services.s3.get_object(Bucket="landing", Key=upload.key)["Body"].read() == b"newer"


def test_the_same_file_dropped_again_meanwhile_is_a_duplicate(services, keeping, upload, clock):  # noqa: F811
    archive(keeping, upload.id)
    put = services.s3.put_object(Bucket="landing", Key=upload.key, Body=BODY)
    version = UploadVersion("landing", upload.key, put["VersionId"], len(BODY), "e")
    services.ledger.create(Upload.from_version(version, "raw"))
    services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", sha256=SHA256, duplicate_of=upload.id)
    archive(keeping, version.id)
    assert services.ledger.require_upload(version.id).state == "DUPLICATE"
    assert list_keys(services, "landing") == [upload.key]  # the first version is kept
    clock.pass_minutes(8 * DAY)
    run_reconciler(keeping)
    assert list_keys(services, "landing") == []
    assert len(list_keys(services, "archive")) == 1


@pytest.mark.parametrize("name", ["head_object", "delete_object"])
def test_a_crash_before_the_removal_delays_it_by_a_day(services, keeping, s3, upload, clock, name):  # noqa: F811
    archive(keeping, upload.id)
    clock.pass_minutes(8 * DAY)
    s3.dies_before = name
    with pytest.raises(KeyboardInterrupt):
        run_reconciler(keeping)
    assert list_keys(services, "landing") == [upload.key]
    run_reconciler(keeping)  # not yet: the message of the crash is probably delivered again
    assert list_keys(services, "landing") == [upload.key]
    clock.pass_minutes(DAY + 1)
    run_reconciler(keeping)
    assert list_keys(services, "landing") == []


def test_after_a_crash_behind_the_removal_the_record_is_completed(services, keeping, upload, clock, monkeypatch):  # noqa: F811
    archive(keeping, upload.id)
    clock.pass_minutes(8 * DAY)

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as crashing:
        crashing.setattr(Ledger, "move_together", die)
        with pytest.raises(KeyboardInterrupt):
            run_reconciler(keeping)
    assert list_keys(services, "landing") == []
    clock.pass_minutes(DAY + 1)
    run_reconciler(keeping)
    assert services.ledger.require_upload(upload.id).kept_until == ""
    assert [*services.ledger.kept_uploads("9")] == []


def test_a_crash_before_the_move_to_archived_leaves_everything(services, keeping, upload, monkeypatch):  # noqa: F811
    with monkeypatch.context() as crashing:
        crashing.setattr(Ledger, "move_together", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            archive(keeping, upload.id)
    assert list_keys(services, "landing") == [upload.key]
    archive(keeping, upload.id)
    assert services.ledger.require_upload(upload.id).state == "ARCHIVED"
    assert [*services.ledger.kept_uploads("9")] == [upload.id]
    assert len(list_keys(services, "archive")) == 1


def test_without_its_copy_the_version_stays_and_the_lab_is_notified(services, keeping, upload, clock, sent):  # noqa: F811
    archive(keeping, upload.id)
    key = services.ledger.require_upload(upload.id).archive_key
    services.s3.delete_object(Bucket="archive", Key=key)
    clock.pass_minutes(8 * DAY)
    run_reconciler(keeping)
    assert list_keys(services, "landing") == [upload.key]
    (mail,) = [mail for queue, mail in sent if queue == "topic"]
    assert mail["Subject"] == f"Seqdrop keeps {upload.key} in the landing bucket"
    run_reconciler(keeping)
    assert len(sent) == 1  # the next look is after a day


def test_a_change_of_the_setting_does_not_change_what_was_promised(services, keeping, s3, upload, clock):  # noqa: F811
    archive(keeping, upload.id)
    at_once = replace(services, s3=s3)
    clock.pass_minutes(6 * DAY)
    run_reconciler(at_once)
    assert list_keys(services, "landing") == [upload.key]


def test_the_record_of_an_upload_outlives_its_version(services, keeping, upload, clock):  # noqa: F811
    """Otherwise the version would be taken for a new file."""
    ledger = Ledger(services.ledger._table, services.ledger._now, keep_days=2)
    archive(replace(keeping, ledger=ledger), upload.id)
    archived = ledger.require_upload(upload.id)
    assert archived.expires_at == int(clock.now.timestamp()) + 9 * DAY * 60
    assert ledger.kept_version(KeptVersion(upload.id)).expires_at == 0
