"""Validate accepts, rejects or withdraws each file that lands; the reconciler finds lost work and nudges it."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from seqdrop.kinds.plans import packaged, plan_of
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.runtime.services import now
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.archive.receipts import make_receipt
from seqdrop.stages.assemble import policies
from seqdrop.stages.reconcile.gauges import GAUGES
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion, make_sequencer

from tests.support.aws.errors import RefusedError
from tests.support.aws.sagemaker import TRANSFORM

FASTQ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"


@pytest.fixture
def drop(services):
    def put(key: str, body: bytes) -> UploadVersion:
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))

    return put


def read(services, bucket: str, key: str) -> dict:
    return json.loads(services.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_reads_become_work_items_and_an_attempt(services, drop, sent):
    version = drop("reads/a.fastq.gz", gzip.compress(b"".join(FASTQ.replace(b"r1", b"r%d" % n) for n in range(3))))
    validate(services, version)
    upload, (attempt,) = services.ledger.find_upload(version.id), services.ledger.attempts(version.id)
    assert (upload.state, upload.format, upload.records) == ("VALIDATED", "fastq", 3)
    assert (attempt.state, attempt.shards, attempt.items) == ("PLANNED", 1, 3)
    assert attempt.windows == attempt.next_attempt().windows == 6, "0-70 and 50-120 of each read"
    shard = services.s3.get_object(Bucket="work", Key=f"shards/{version.id}/{attempt.key}-00000.jsonl")["Body"].read()
    assert len(shard.splitlines()) == 3
    assert read(services, "results", f"reports/{version.id}.json")["sha256"] == upload.sha256
    assert sent == [("transform_queue", {"attempt": attempt.key})]


def test_an_upload_and_its_attempt_have_their_run(services, drop):
    version, alone = drop("reads/run7/lane 1/a.fastq", FASTQ), drop("reads/a.fastq", FASTQ)
    for dropped, run in ((version, "reads/run7/"), (alone, "")):
        validate(services, dropped)
        assert services.ledger.find_upload(dropped.id).run == services.ledger.attempts(dropped.id)[0].run == run


def test_raw_goes_straight_to_the_archive(services, drop, sent):
    version = drop("raw/a.fastq", FASTQ)
    validate(services, version)
    assert services.ledger.attempts(version.id) == []
    assert sent == [("archive_queue", {"upload": version.id})]


def test_a_repeated_event_sends_the_same_message_and_writes_nothing(services, drop, sent):
    version = drop("reads/a.fastq", FASTQ)
    validate(services, version)
    before = services.ledger.find_upload(version.id)
    validate(services, version)
    assert services.ledger.find_upload(version.id) == before
    assert sent[0] == sent[1]


def test_a_fault_leads_to_a_reason_and_a_mail(services, drop, sent):
    version = drop("reads/a.fastq", FASTQ[:-3])
    validate(services, version)
    assert services.ledger.find_upload(version.id).state == "REJECTED"
    reason = read(services, "results", f"reasons/{version.id}.json")
    assert (reason["code"], reason["record"], reason["line"], reason["retryable"]) == ("truncated", 1, 4, False)
    assert [queue for queue, _ in sent] == ["topic"]
    page = services.s3.get_object(Bucket="results", Key=f"reports/{version.id}.html")["Body"].read().decode()
    assert "Rejected" in page
    assert f"aws s3 cp s3://results/reports/{version.id}.html ." in sent[0][1]["Message"]
    validate(services, version)
    assert len(sent) == 1


def test_a_file_that_is_too_large_is_refused_before_it_is_read(services, drop):
    version = replace(drop("reads/a.fastq", FASTQ), size=5_000_000_001)
    validate(services, version)
    assert services.s3.list_objects_v2(Bucket="results", Prefix="reports/")["KeyCount"] == 0
    assert services.ledger.find_upload(version.id).reason == "too_large"


def test_a_file_deleted_before_it_was_read_is_withdrawn(services, drop):
    version = drop("reads/a.fastq", FASTQ)
    services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
    validate(services, version)
    assert services.ledger.find_upload(version.id).state == "WITHDRAWN"


def test_an_event_without_a_version_id_means_the_present_version(services, drop):
    version = drop("raw/a.fastq", FASTQ)
    validate(services, replace(version, version_id="null"))
    assert services.ledger.find_upload(version.id).state == "VALIDATED"


def test_after_a_crash_before_the_move_the_next_delivery_writes_the_same_objects(services, drop, monkeypatch):
    version = drop("reads/a.fastq", FASTQ)
    monkeypatch.setattr(type(services.ledger), "move", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        validate(services, version)
    before = services.s3.list_objects_v2(Bucket="work")["Contents"]
    monkeypatch.undo()
    validate(services, version)
    after = services.s3.list_objects_v2(Bucket="work")["Contents"]
    assert [(item["Key"], item["ETag"]) for item in before] == [(item["Key"], item["ETag"]) for item in after]
    assert services.ledger.find_upload(version.id).state == "VALIDATED"


def test_the_next_delivery_does_not_read_the_file_again(services, drop, monkeypatch):
    version = drop("reads/a.fastq", FASTQ)
    monkeypatch.setattr(type(services.ledger), "move", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        validate(services, version)
    monkeypatch.undo()
    monkeypatch.setattr("seqdrop.stages.validate.validate.examine", lambda *_: pytest.fail("it was examined before"))
    validate(services, version)
    (attempt,) = services.ledger.attempts(version.id)
    assert (attempt.state, attempt.shards, attempt.items) == ("PLANNED", 1, 1)


def test_a_rejected_file_has_a_report(services, drop):
    version = drop("reads/a.fastq", FASTQ + FASTQ)  # the same name twice
    validate(services, version)
    report = read(services, "results", f"reports/{version.id}.json")
    assert (report["valid"], report["records"], report["counts"]) == (False, 2, {"duplicate_name": 1})


def test_a_key_that_is_too_long_to_be_archived_is_rejected_without_reading_the_file(services, drop):
    version = drop("raw/" + "x" * 1000, FASTQ)
    validate(services, version)
    assert services.ledger.find_upload(version.id).reason == "key_too_long"


def test_more_windows_than_one_function_can_import_are_refused(services, drop):
    reads = packaged().by_name["reads"]
    few = replace(reads, job=replace(reads.job, max_windows=5), settings=replace(reads.settings, max_reads=None))
    bound = replace(services, analyses=replace(packaged(), by_name={"reads": few}))
    version = drop("reads/a.fastq", FASTQ * 3)  # two windows each
    validate(bound, version)
    assert services.ledger.find_upload(version.id).reason == "too_many_windows"


def test_the_model_gets_a_sample_and_the_whole_file_is_validated(services, drop):
    reads = packaged().by_name["reads"]
    some = replace(reads, settings=replace(reads.settings, max_reads=4, collapse=True))
    bound = replace(services, analyses=replace(packaged(), by_name={"reads": some}))
    body = b"".join(FASTQ.replace(b"r1", b"r%d" % number) for number in range(9))
    version = drop("reads/a.fastq", body)
    validate(bound, version)
    upload, (attempt,) = services.ledger.find_upload(version.id), services.ledger.attempts(version.id)
    assert (upload.records, attempt.taken, attempt.distinct, attempt.items) == (9, 4, 1, 1)
    shard = services.s3.get_object(Bucket="work", Key=f"shards/{version.id}/{attempt.key}-00000.jsonl")["Body"].read()
    assert json.loads(shard)["id"].endswith(":0:4")
    names = read(services, "results", f"reports/{version.id}.json")["selection"]
    assert names == {"analysis": "reads", "records": 9, "taken": 4, "max_reads": 4, "seed": 0, "distinct": 1}
    broken = drop("reads/b.fastq", body[:-1] + b" \n")
    validate(bound, broken)
    assert services.ledger.find_upload(broken.id).state == "REJECTED"
    assert "selection" not in read(services, "results", f"reports/{broken.id}.json")


def test_the_attempt_keeps_the_analysis(services, drop):
    version = drop("reads/a.fastq", FASTQ)
    validate(services, version)
    (attempt,) = services.ledger.attempts(version.id)
    assert plan_of(attempt) == packaged().by_name["reads"]


def test_a_mail_that_sns_refuses_does_not_stop_the_upload(services, drop):
    def refuse(**mail):
        assert mail["Subject"].isprintable()
        raise ClientError({"Error": {"Code": "InvalidParameter"}}, "Publish")

    services.sns.publish = refuse
    version = drop("raw/a\r\tb.fastq", FASTQ[:-3])
    validate(services, version)
    assert services.ledger.find_upload(version.id).state == "REJECTED"


@pytest.fixture
def stalled(services, sagemaker):
    """Create one stalled record of each kind; at SageMaker the job has ended."""
    ledger = services.ledger
    received = UploadVersion("landing", "raw/x y+z.fastq", "v", 7, "e", "0A")
    ledger.create(Upload.from_version(received, "raw"))
    raw = UploadVersion("landing", "raw/done", "v", 1, "e")
    ledger.create(Upload.from_version(raw, "raw"))
    ledger.move(ledger.find_upload(raw.id), "VALIDATED")
    with_model = UploadVersion("landing", "reads/a", "v", 1, "e")
    ledger.create(Upload.from_version(with_model, "reads"))
    ledger.move(
        ledger.find_upload(with_model.id), "VALIDATED", Attempt("PLANNED", upload_id=with_model.id, analysis="reads")
    )
    attempt = ledger.attempts(with_model.id)[0]
    ledger.claim(Job("PLANNED", name="planned", members=[attempt.key]), [attempt])
    ledger.create(Job("PLANNED", name="started", members=[attempt.key]))
    ledger.move(ledger.find_job("started"), "STARTED")
    sagemaker.put(TRANSFORM, TransformJobName="started")
    sagemaker.end("started", "Completed")
    return received, raw


def test_the_reconciler_nudges_stalled_records(services, stalled, sent):
    received, raw = stalled
    # The upload whose attempt is in a job waits for that job, so no message is due.
    expected = {"received": 1, "validated": 1, "unstarted_jobs": 1, "started_jobs": 1}
    counts = reconcile(services)
    assert {name: count for name, count in counts.items() if count and name not in GAUGES} == expected
    by_queue = dict(sent)
    assert parse_landed_versions(by_queue["validate_queue"]) == [received]
    assert by_queue["archive_queue"] == {"upload": raw.id}
    assert by_queue["transform_queue"] == {"job": "planned"}
    assert by_queue["finish_queue"]["detail"]["TransformJobName"] == "started"


def test_the_reconciler_nudges_ever_more_rarely_and_sends_one_mail(direct, stalled, sent, monkeypatch):
    clock = {"now": datetime(2026, 1, 1, 1, tzinfo=UTC)}
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: clock["now"])
    monkeypatch.setattr(direct.ledger, "_now", now)
    nudges = []
    for quarter in range(4 * 24 * 4):
        before = len(sent)
        reconcile(direct)
        if any(queue == "validate_queue" for queue, _ in sent[before:]):
            nudges.append(quarter)
        clock["now"] += timedelta(minutes=15)
    # In quarters of an hour: after 1, 2, 4, 8 and 16 hours more, then once a day.
    assert nudges == [0, 4, 12, 28, 60, 124, 220, 316]
    mails = [mail["Subject"] for queue, mail in sent if queue == "topic"]
    assert sorted(mails) == sorted(set(mails)), "one mail about each"
    assert len(mails) == 4
    assert direct.ledger.find_upload(stalled[0].id).state == "RECEIVED"


@pytest.mark.parametrize("crash", ["before the message", "before the mail", "after the mail"])
def test_a_crash_does_not_lose_the_mail_about_a_stalled_record(direct, stalled, sent, monkeypatch, crash):
    clock = {"now": datetime(2026, 1, 1, 1, tzinfo=UTC)}
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: clock["now"])
    monkeypatch.setattr(direct.ledger, "_now", now)
    upload_id = stalled[0].id

    class CrashError(BaseException):
        pass

    def die(*_, **__):
        raise CrashError

    def subjects() -> list[str]:
        return [mail["Subject"] for queue, mail in sent if queue == "topic" and stalled[0].key in mail["Subject"]]

    def run() -> None:
        clock["now"] += timedelta(days=2)
        reconcile(direct)

    while direct.ledger.find_upload(upload_id).pushes < 5:
        run()
    assert subjects() == []
    with monkeypatch.context() as patch:
        if crash == "before the message":
            patch.setattr(type(direct), "send", die)
        elif crash == "before the mail":
            patch.setattr("seqdrop.stages.reconcile.nudge._mail_stalled", die)
        else:
            patch.setattr(type(direct.ledger), "note", die)
        with pytest.raises(CrashError):
            run()
    assert direct.ledger.find_upload(upload_id).pushes == 6
    for _ in range(4):
        run()
    # A crash after the mail repeats it once; no crash loses it.
    assert len(subjects()) == (2 if crash == "after the mail" else 1)
    assert direct.ledger.find_upload(upload_id).told_at


def test_a_move_resets_the_number_of_nudges(services, stalled):
    reconcile(services)
    upload = services.ledger.find_upload(stalled[0].id)
    assert upload.pushes == 1
    services.ledger.move(upload, "VALIDATED")
    assert services.ledger.find_upload(upload.id).pushes == 0


def test_the_reconciler_ignores_records_that_moved_just_now(services, monkeypatch):
    services.ledger.create(Upload.from_version(UploadVersion("landing", "raw/x", "v", 1, "e"), "raw"))
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: datetime(2026, 1, 1, 0, 29, tzinfo=UTC))
    assert reconcile(services)["received"] == 0


class TestLostEvents:
    """Work whose event was lost: only the reconciler finds it."""

    @pytest.fixture
    def lost(self, services, monkeypatch):
        """Return a function that puts an object whose event never arrives."""
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: datetime.now(UTC) + timedelta(hours=1))

        def put(key: str) -> UploadVersion:
            answer = services.s3.put_object(Bucket="landing", Key=key, Body=FASTQ)
            return UploadVersion("landing", key, answer["VersionId"], len(FASTQ), answer["ETag"].strip('"'))

        return put

    def messages(self, sent) -> list[UploadVersion]:
        return [parse_landed_versions(body)[0] for queue, body in sent if queue == "validate_queue"]

    def test_an_upload_without_a_record_is_found_in_the_bucket(self, services, lost, sent):
        single, older, newer = lost("raw/a b+c"), lost("raw/x"), lost("raw/x")
        known = lost("raw/known")
        services.ledger.create(Upload.from_version(known, "raw"))
        services.s3.put_object(Bucket="landing", Key="raw/folder/", Body=b"")
        assert reconcile(services)["unrecorded"] == 3
        versions = self.messages(sent)
        assert {version.id for version in versions} >= {single.id, older.id, newer.id}
        for version in versions:
            validate(services, version)
        assert services.ledger.find_upload(single.id).state == "VALIDATED"
        assert reconcile(services)["unrecorded"] == 0

    def test_an_object_that_has_just_landed_is_left_to_its_event(self, services, lost, monkeypatch):
        lost("raw/a")
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: datetime.now(UTC) + timedelta(minutes=20))
        assert reconcile(services)["unrecorded"] == 0

    def test_a_long_listing_takes_several_runs_and_then_starts_anew(self, services, lost, sent, monkeypatch):
        monkeypatch.setattr("seqdrop.stages.reconcile.unrecorded.MAX_PAGES", 1)
        real = services.s3.list_object_versions
        monkeypatch.setattr(services.s3, "list_object_versions", lambda **more: real(**more, MaxKeys=2))
        versions = [lost(f"raw/{number}") for number in range(5)]
        assert [reconcile(services)["unrecorded"] for _ in range(4)] == [2, 2, 1, 0]
        assert {version.id for version in self.messages(sent)} == {version.id for version in versions}

    def test_a_sequencer_of_a_lost_event_sorts_with_those_of_s3(self):
        written = datetime.fromtimestamp(0x55AED6DC, UTC)  # as in the documentation's example, 0055AED6DCD90281E5
        earlier, later = (make_sequencer(written + timedelta(seconds=item)) for item in (0, 1))
        orders = [UploadVersion("b", "k", "v", 1, "e", text).order for text in (earlier, "0055AED6DCD90281E5", later)]
        assert orders == sorted(orders)

    def test_a_missing_receipt_is_requested(self, services, sent, monkeypatch):
        version = UploadVersion("landing", "raw/x", "v", 1, "e")
        services.ledger.create(Upload.from_version(version, "raw"))
        services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", sha256="0" * 64, format="fasta")
        services.ledger.move(services.ledger.find_upload(version.id), "ARCHIVED")
        assert reconcile(services)["unreceipted"] == 1
        assert ("archive_queue", {"upload": version.id}) in sent
        place = {"bucket": "archive", "key": "raw/x/ID", "version_id": "v", "size": 1, "sha256": "0" * 64}
        copy = place | {"storage_class": "DEEP_ARCHIVE"}
        receipt = make_receipt(services.ledger.require_upload(version.id), copy, now())
        services.put_json("results", f"receipts/{version.id}.json", receipt)
        assert reconcile(services)["unreceipted"] == 0

    def test_a_receipt_that_s3_refuses_to_show_is_left_to_archive_and_the_others_are_checked(self, services, sent):
        versions = [UploadVersion("landing", f"raw/{name}", "v", 1, "e") for name in "ab"]
        for version in versions:
            services.ledger.create(Upload.from_version(version, "raw"))
            services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED")
            services.ledger.move(services.ledger.find_upload(version.id), "ARCHIVED")
        head = services.s3.head_object

        def refuse(**call):
            if versions[0].id in call["Key"]:
                raise ClientError({"Error": {"Code": "InternalError"}}, "HeadObject")
            return head(**call)

        services.s3.head_object = refuse
        assert reconcile(services)["unreceipted"] == 2
        assert [body["upload"] for queue, body in sent if queue == "archive_queue"] == [item.id for item in versions]
        assert reconcile(services)["unreceipted"] == 1  # the listing is inclusive, so only the last is checked again

    def test_one_waiting_upload_with_an_error_does_not_affect_the_others(self, services, monkeypatch):
        first, second = (UploadVersion("landing", f"reads/S{n}_R1.fastq", "v", 1, "e") for n in (1, 2))
        for version in (first, second):
            services.ledger.create(Upload.from_version(version, "reads"))
            services.ledger.move(services.ledger.find_upload(version.id), "WAITING", waiting_since=now())
        policy_of = policies.policy_of

        def fail(analyses, upload):
            if upload.id == first.id:
                raise KeyError(upload.id)
            return policy_of(analyses, upload)

        monkeypatch.setattr(policies, "policy_of", fail)
        assert reconcile(services)["waiting"] == 1
        assert services.ledger.find_upload(second.id).pushes == 1

    def test_an_attempt_whose_job_ended_without_it_is_nudged(self, services, stalled, sent):
        (attempt,) = services.ledger.in_state("attempt", "SUBMITTED")
        services.ledger.move(services.ledger.find_job(attempt.job), "FAILED")
        sent.clear()
        assert reconcile(services)["submitted"] == 1
        names = [body["detail"]["TransformJobName"] for queue, body in sent if queue == "finish_queue"]
        assert attempt.job in names

    def test_a_job_that_still_runs_is_never_nudged(self, services, stalled, sagemaker):
        sagemaker.jobs["started"].status = "InProgress"
        assert reconcile(services)["started_jobs"] == 0
        assert services.ledger.find_job("started").pushes == 0

    def test_a_free_slot_is_reported_if_an_attempt_waits(self, services, stalled, sent):
        (attempt,) = services.ledger.in_state("attempt", "SUBMITTED")
        again = attempt.next_attempt()
        services.ledger.move(attempt, "FAILED", again)
        services.ledger.move(services.ledger.find_attempt(again.key), "WAITING")
        assert reconcile(services)["waiting_for_room"] == 1
        assert ("transform_queue", {"room": "reconcile"}) in sent
        full = replace(services, settings=replace(services.settings, max_jobs=0))
        assert reconcile(full)["waiting_for_room"] == 0

    def test_a_check_that_fails_does_not_affect_the_others(self, services, stalled, sagemaker, sent):
        def refuse(*_):
            raise RefusedError("ThrottlingException")

        sagemaker.describe_transform_job = refuse
        counts = reconcile(replace(services, s3=None))
        assert counts["errors"] > 0
        assert counts["received"] == counts["validated"] == 1

    def test_a_deleted_upload_whose_attempt_failed_is_withdrawn(self, services, drop, sent):
        version = drop("reads/a.fastq", FASTQ)
        validate(services, version)
        (attempt,) = services.ledger.attempts(version.id)
        services.ledger.move(attempt, "FAILED", reason="x")
        services.s3.delete_object(Bucket="landing", Key=version.key)  # by a delete marker, as `aws s3 rm` does
        sent.clear()
        reconcile(services)
        assert ("archive_queue", {"upload": version.id}) in sent
        archive(services, version.id)
        upload = services.ledger.find_upload(version.id)
        assert (upload.state, upload.reason) == ("WITHDRAWN", "deleted_before_archive")
        kept = services.s3.get_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        assert kept["Body"].read() == FASTQ
