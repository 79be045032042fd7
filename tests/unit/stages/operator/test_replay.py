"""A replay makes one attempt, with the right work items, and none beside one in progress; or it says why not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from seqdrop import clock
from seqdrop.kinds.plans import packaged, plan_of
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.models.archives import push_archive
from seqdrop.results.writer import result_key
from seqdrop.runtime.events import parse_landed_versions
from seqdrop.sagemaker.names import examination_name
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.operator.release import explain_refusal, release
from seqdrop.stages.operator.replay import plan_replay, replay
from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.unit.stages.archive.test_archive import S3
from tests.unit.stages.mates import fastq
from tests.unit.stages.start_transform.test_start_transform import archive_of

READ = b"@r1\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"


@pytest.fixture
def services(services):
    """Return services with a model, and with an S3 client that never copies over an object."""
    use = packaged().by_name["reads"].settings
    push_archive(services.s3, "models", use.model, archive_of("not " + use.label, use.label), "now")
    return replace(services, s3=S3(boto3.client("s3")))


@pytest.fixture
def drop(services):
    def put(key: str = "reads/run 7/a.fastq", body: bytes = READ) -> str:
        answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
        version = UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))
        validate(services, version)
        return version.id

    return put


def changed(services, **use):
    """Return the services after a deployment that changed the settings of reads/."""
    analyses = services.analyses
    reads = analyses.by_name["reads"]
    reads = replace(reads, settings=replace(reads.settings, **use))
    return replace(services, analyses=replace(analyses, by_name={**analyses.by_name, "reads": reads}))


def last(services, upload_id: str) -> Attempt:
    return services.ledger.attempts(upload_id)[-1]


def end(services, upload_id: str, state: str, digest: str = "") -> Attempt:
    """End the job of the last attempt in a state. `digest` is its model's digest, by default the current model's."""
    attempt = last(services, upload_id)
    job = Job("PLANNED", name=f"job-{attempt.key}", members=[attempt.key], model_digest=digest or current(services))
    assert services.ledger.claim(job, [attempt])
    if state == "FAILED":
        fail(services, upload_id)
    else:
        services.ledger.move(last(services, upload_id), state)
    return last(services, upload_id)


def fail(services, upload_id: str) -> None:
    fail_attempt(services, last(services, upload_id), "the model broke")


def current(services) -> str:
    key = f"models/{packaged().by_name['reads'].settings.model}/current.json"
    return json.loads(services.s3.get_object(Bucket="models", Key=key)["Body"].read())["current"]["digest"]


def again(services, upload_id: str, **options) -> bool:
    plan = plan_replay(services, services.ledger.find_upload(upload_id), **options)
    assert not plan.refused, plan.summary
    return replay(services, plan)


def refusal(services, upload_id: str) -> str:
    plan = plan_replay(services, services.ledger.find_upload(upload_id))
    assert plan.refused, plan.summary
    return plan.summary


def state(services, upload_id: str) -> str:
    return services.ledger.find_upload(upload_id).state


class TestWithEarlierWorkItems:
    def test_a_failed_attempt_is_followed_by_the_next(self, services, drop, sent):
        upload = drop()
        first = end(services, upload, "FAILED")
        sent.clear()
        assert again(services, upload)
        second = last(services, upload)
        assert (second.state, second.number, second.shards_key) == ("PLANNED", 2, first.key)
        assert (second.plan, second.items, second.run) == (first.plan, first.items, "reads/run 7/")
        assert sent == [("transform_queue", {"attempt": second.key})]
        assert state(services, upload) == "VALIDATED"

    def test_a_new_model_predicts_an_archived_file(self, services, drop, sent):
        upload = drop()
        first = end(services, upload, "PREDICTED", digest="another")
        archive(services, upload)
        sent.clear()
        assert again(services, upload)
        second = last(services, upload)
        assert sent == [("transform_queue", {"attempt": second.key})]
        assert result_key(second, "x") == result_key(first, "attempt-2/x")
        assert state(services, upload) == "ARCHIVED"

    def test_the_same_model_predicts_a_file_again_only_with_again(self, services, drop):
        upload = drop()
        end(services, upload, "PREDICTED")
        archive(services, upload)
        assert "the current model has predicted it" in refusal(services, upload)
        assert again(services, upload, again=True)

    def test_settings_that_affect_only_results_are_the_present_ones(self, services, drop):
        upload = drop()
        end(services, upload, "PREDICTED")
        archive(services, upload)
        later = changed(services, threshold=0.75)
        assert again(later, upload)
        second = last(services, upload)
        assert plan_of(second).settings.threshold == 0.75
        assert second.cut_as == f"{upload}-reads-1"

    def test_an_archived_record_is_kept_while_it_is_replayed(self, services, drop):
        upload = drop()
        end(services, upload, "PREDICTED", digest="another")
        archive(services, upload)
        services.ledger.note(services.ledger.find_upload(upload), expires_at=99)
        assert again(services, upload)
        assert services.ledger.find_upload(upload).expires_at == 0

    def test_a_mate_is_replayed_alone(self, services, drop):
        first, second = drop("reads/s_R1.fastq", fastq(1)), drop("reads/s_R2.fastq", fastq(2))
        end(services, first, "FAILED")
        assert again(services, first)
        assert [attempt.number for attempt in services.ledger.attempts(second)] == [1]


class TestReadAgain:
    @pytest.fixture
    def old(self, services, drop, monkeypatch) -> str:
        """Return a failed upload whose work items are about to expire."""
        upload = drop()
        end(services, upload, "FAILED")
        monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=11))
        return upload

    def test_expired_work_items_are_written_again_for_the_next_attempt(self, services, old, sent):
        sent.clear()
        assert again(services, old)
        assert (state(services, old), services.ledger.find_upload(old).read_for) == ("RECEIVED", 2)
        ((queue, message),) = sent
        (version,) = parse_landed_versions(message)
        validate(services, version)
        second = last(services, old)
        assert (queue, second.state, second.number, second.cut_as) == ("validate_queue", "PLANNED", 2, "")
        shard = f"shards/{old}/{second.key}-00000.jsonl"
        assert shard in [item["Key"] for item in services.s3.list_objects_v2(Bucket="work")["Contents"]]
        assert state(services, old) == "VALIDATED"

    def test_a_changed_window_makes_other_work_items(self, services, drop):
        upload = drop()
        first = end(services, upload, "FAILED")
        later = changed(services, window=60, stride=60)
        assert again(later, upload)
        validate(later, services.ledger.find_upload(upload).version)
        second = last(services, upload)
        assert (second.number, plan_of(second).settings.window, second.cut_as) == (2, 60, "")
        assert second.key != first.key

    def test_the_refusal_of_an_archived_file_says_what_to_restore(self, services, drop, monkeypatch):
        upload = drop()
        end(services, upload, "PREDICTED", digest="another")
        archive(services, upload)
        later = changed(services, window=60, stride=60)
        assert f"restore reads/run 7/{upload}/a.fastq" in refusal(later, upload)
        monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=11))
        assert "its work items have expired" in refusal(services, upload)

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_mates_that_are_read_again_advance_in_any_order(self, services, drop, order):
        pair = drop("reads/s_R1.fastq", fastq(1)), drop("reads/s_R2.fastq", fastq(2))
        for upload in pair:
            end(services, upload, "FAILED")
        later = changed(services, window=60, stride=60)
        for upload in pair:
            assert again(later, upload)
        for number in order:
            validate(later, services.ledger.find_upload(pair[number]).version)
        assert [state(services, upload) for upload in pair] == ["VALIDATED"] * 2
        assert [[a.number for a in services.ledger.attempts(upload)] for upload in pair] == [[1, 2]] * 2

    def test_a_mate_does_not_wait_for_one_that_was_deleted(self, services, drop):
        pair = drop("reads/s_R1.fastq", fastq(1)), drop("reads/s_R2.fastq", fastq(2))
        end(services, pair[0], "FAILED")
        services.ledger.move(services.ledger.find_upload(pair[1]), "WITHDRAWN")
        later = changed(services, window=60, stride=60)
        assert again(later, pair[0])
        validate(later, services.ledger.find_upload(pair[0]).version)
        assert state(services, pair[0]) == "VALIDATED"

    def test_a_masked_file_is_to_be_dropped_again(self, services, drop, monkeypatch):
        push_archive(services.s3, "models", "masked-6", archive_of(), "now")
        upload = drop("masked/a.fa", b">r\n" + b"ACGT" * 100 + b"NNN" + b"ACGT" * 100 + b"\n")
        end(services, upload, "FAILED", digest="m")
        monkeypatch.setattr(clock, "utc_now", lambda: datetime.now(UTC) + timedelta(days=11))
        assert "drop it again" in refusal(services, upload)

    def test_a_large_file_is_examined_by_the_next_jobs(self, services, drop, old):
        from seqdrop.stages.start_processing.tries import find_last_job

        services.ledger.create(Job("PLANNED", name=examination_name(old, 1), task="examine", upload=old))
        upload = services.ledger.find_upload(old)
        assert find_last_job(services.ledger, upload).name == examination_name(old, 1)
        assert again(services, old)
        assert find_last_job(services.ledger, services.ledger.find_upload(old)) is None
        services.ledger.create(Job("PLANNED", name=examination_name(old, 3), task="examine", upload=old))
        assert find_last_job(services.ledger, services.ledger.find_upload(old)).name == examination_name(old, 3)


class TestRefused:
    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ((), "it is being read, and advances without your help; if a mail said that Seqdrop could not examine it"),
            (("WAITING",), "waits for files that belong"),
            (("REJECTED",), "correct it and drop it again"),
            (("WITHDRAWN",), "was deleted"),
            (("VALIDATED",), "no model for it"),
        ],
    )
    def test_uploads_without_an_attempt_of_their_own_are_refused(self, services, path, why):
        version = UploadVersion("landing", "reads/b.fastq", "v", 1, "e")
        services.ledger.create(Upload.from_version(version, "reads"))
        for to in path:
            services.ledger.move(services.ledger.find_upload(version.id), to)
        assert why in refusal(services, version.id)

    def test_an_attempt_in_progress_is_refused(self, services, drop):
        upload = drop()
        assert "attempt 1 is in progress (PLANNED)" in refusal(services, upload)

    def test_an_upload_that_is_about_to_be_archived_is_refused(self, services, drop):
        upload = drop()
        end(services, upload, "PREDICTED", digest="another")
        assert "about to be archived" in refusal(services, upload)

    def test_a_file_that_belongs_to_another_upload_is_refused(self, services, drop):
        upload, other = drop(), drop("reads/b.fastq")
        services.ledger.note(services.ledger.find_upload(upload), masks_of=f"{other}-masked-1")
        assert f"it belongs to upload {other}" in refusal(services, upload)

    def test_without_a_model_the_refusal_says_how_to_push_one(self, services, drop):
        upload = drop()
        end(services, upload, "FAILED")
        services.s3.delete_object(
            Bucket="models", Key=f"models/{packaged().by_name['reads'].settings.model}/current.json"
        )
        assert "seqdrop models push" in refusal(services, upload)

    def test_an_upload_whose_prefix_has_another_analysis_now_is_refused(self, services, drop):
        upload = drop()
        end(services, upload, "FAILED")
        names = services.analyses.by_name
        other = replace(names["contigs"], prefix="reads/")
        later = replace(services, analyses=replace(services.analyses, by_name={"contigs": other}))
        assert "dropped for the analysis reads, and its prefix now means contigs" in refusal(later, upload)


class TestRaces:
    def test_two_simultaneous_replays_make_one_attempt(self, services, drop):
        upload = drop()
        end(services, upload, "FAILED")
        both = [plan_replay(services, services.ledger.find_upload(upload)) for _ in range(2)]
        assert [replay(services, plan) for plan in both] == [True, False]
        assert [attempt.number for attempt in services.ledger.attempts(upload)] == [1, 2]

    def test_of_a_simultaneous_replay_and_release_one_fails(self, services, drop):
        upload = drop()
        end(services, upload, "FAILED")
        record = services.ledger.find_upload(upload)
        plan = plan_replay(services, record)
        assert release(services, record)
        assert not replay(services, plan)
        archive(services, upload)
        assert state(services, upload) == "ARCHIVED"

    def test_after_a_lost_message_the_reconciler_finds_the_attempt(self, services, drop, sent):
        upload = drop()
        end(services, upload, "FAILED")
        plan = plan_replay(services, services.ledger.find_upload(upload))

        def dies(**_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            replay(replace(services, sqs=type("Sqs", (), {"send_message": staticmethod(dies)})), plan)
        assert services.ledger.find_upload(upload).id == upload
        assert last(services, upload).state == "PLANNED"
        assert "in progress" in refusal(services, upload)


class TestRelease:
    def test_the_file_is_archived_and_the_receipt_says_why(self, services, drop, sent):
        upload = drop()
        end(services, upload, "FAILED")
        archive(services, upload)
        assert state(services, upload) == "VALIDATED"
        sent.clear()
        record = services.ledger.find_upload(upload)
        assert explain_refusal(services, record) == ""
        assert release(services, record)
        assert sent == [("archive_queue", {"upload": upload})]
        assert "was released" in explain_refusal(services, services.ledger.find_upload(upload))
        archive(services, upload)
        receipt = json.loads(services.s3.get_object(Bucket="results", Key=f"receipts/{upload}.json")["Body"].read())
        assert state(services, upload) == "ARCHIVED"
        assert receipt["predictions"].startswith("released without, by a person")

    def test_a_released_file_may_be_replayed(self, services, drop):
        upload = drop()
        end(services, upload, "FAILED")
        release(services, services.ledger.find_upload(upload))
        archive(services, upload)
        assert again(services, upload)
        assert services.ledger.find_upload(upload).released_at == ""

    def test_an_upload_that_needs_no_release_is_refused(self, services, drop):
        upload = drop()
        assert "attempt 1 is in progress" in explain_refusal(services, services.ledger.find_upload(upload))
        end(services, upload, "PREDICTED")
        assert "archived without your help" in explain_refusal(services, services.ledger.find_upload(upload))
        archive(services, upload)
        assert "it is ARCHIVED" in explain_refusal(services, services.ledger.find_upload(upload))

    def test_a_bed_is_released_like_its_fasta(self, services, drop):
        fasta, bed = drop(), drop("reads/b.fastq")
        end(services, fasta, "FAILED")
        services.ledger.note(services.ledger.find_upload(bed), masks_of=last(services, fasta).key)
        assert explain_refusal(services, services.ledger.find_upload(bed)) == ""


def test_the_mail_names_both_commands(services, drop, sent):
    upload = drop()
    end(services, upload, "FAILED")
    (mail,) = [body["Message"] for queue, body in sent if queue == "topic"]
    assert f"seqdrop replay {upload} --yes" in mail
    assert f"seqdrop release {upload} --yes" in mail


def test_the_mail_about_an_archived_file_does_not_mention_the_landing_bucket(services, drop, sent):
    upload = drop()
    end(services, upload, "PREDICTED", digest="another")
    archive(services, upload)
    again(services, upload)
    sent.clear()
    end(services, upload, "FAILED")
    (mail,) = [body["Message"] for queue, body in sent if queue == "topic"]
    assert "landing" not in mail
    assert f"seqdrop replay {upload}" in mail
