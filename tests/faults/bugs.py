"""Deliberate bugs, each of a kind that is easily made. The schedules must find them, or they prove nothing."""

from __future__ import annotations

from dataclasses import replace

from botocore.exceptions import ClientError
from seqdrop.aws import s3 as aws_s3
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.records import Step
from seqdrop.ledger.table import Ledger
from seqdrop.sagemaker import client
from seqdrop.stages import notifications, outcomes
from seqdrop.stages.archive import archive
from seqdrop.stages.archive import cold_copy as cold
from seqdrop.stages.finish import finish
from seqdrop.stages.start_transform import start_transform
from seqdrop.stages.validate import validate

from tests.faults.planting import Bug, make_registry, skip_check, write_unconditionally

BUGS: list[Bug] = []
_bug = make_registry(BUGS)


# -- the ledger --


@_bug("a move does not depend on the state of the record")
def _no_condition():
    return [(Ledger, "_replace", write_unconditionally(Ledger._replace))]


@_bug("a new record replaces an existing one", quick=True)
def _record_replaced():
    return [(Ledger, "_put", write_unconditionally(Ledger._put))]


@_bug("records that uploads and jobs share are written whatever their revision")
def _shared_blindly():
    return [(Ledger, "_put_shared", write_unconditionally(Ledger._put_shared))]


@_bug("a job and its members are written one after the other")
def _claim_apart():
    def claim(self, job, members, slots=None) -> bool:
        claims = [Step(member, "SUBMITTED", {"job": job.name}) for member in members]
        writes = [self._put(job), *map(self._step, claims)]
        writes += [self._put_shared(slots.with_job(job.name))] if slots else []
        results = [self._transact([write]) for write in writes]
        return all(results)

    return [(Ledger, "claim", claim)]


# -- the log --


@_bug("the log of a final state names the file", quick=True)
def _name_logged():
    def close(services, upload, state, **facts) -> bool:
        outcomes.logger().info(state, extra={"upload_id": upload.id, **facts})
        return original(services, upload, state, **facts)

    original = archive.close_upload
    return [(archive, "close_upload", close)]


# -- the archive --


@_bug("archive empties the landing bucket before it has copied", quick=True)
def _deleted_first():
    def make_copy(services, upload):
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
        return original(services, upload)

    original = archive._make_copy
    return [(archive, "_make_copy", make_copy)]


@_bug("archive deletes by key, not by version")
def _deleted_by_key():
    def complete(services, upload, copy) -> None:
        archive._write_receipt(services, upload, copy)
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key)
        archive.close_upload(services, upload, "ARCHIVED", archive_key=copy["key"])

    return [(archive, "_complete", complete)]


@_bug("archive writes the ledger before it empties the landing bucket")
def _recorded_before_deleted():
    def complete(services, upload, copy) -> None:
        archive._write_receipt(services, upload, copy)
        archive.close_upload(services, upload, "ARCHIVED", archive_key=copy["key"])
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)

    return [(archive, "_complete", complete)]


@_bug("archive assumes that there is a copy, and does not look")
def _unverified():
    def find_verified_copy(s3, upload, bucket) -> dict:
        return {"bucket": bucket, "key": cold.archive_key(upload), "sha256": upload.sha256}

    return [(cold, "find_verified_copy", find_verified_copy)]


@_bug("archive takes a failed attempt for done", quick=True)
def _failed_is_done():
    def is_due(services, upload) -> bool:
        deciding = services.ledger.deciding_attempts(upload)
        return all(attempt.state in ("PREDICTED", "FAILED") for attempt in deciding)

    return [(archive, "is_due", is_due)]


@_bug("an error of S3 is taken for a deleted file")
def _gone_at_any_error():
    def exists(s3, bucket, key, version_id=None) -> bool:
        version = {"VersionId": version_id} if version_id else {}
        try:
            s3.head_object(Bucket=bucket, Key=key, **version)
        except ClientError:
            return False
        return True

    return [(aws_s3, "exists", exists)]


# -- jobs --


@_bug("a job that exists already counts as refused")
def _in_use_is_refused():
    def adopt(sagemaker, task, request) -> bool:
        raise JobRefusedError("there is a job of this name")

    return [(client, "adopt", adopt)]


@_bug("a job gets another name each time it is started")
def _named_anew():
    def create(sagemaker, job) -> bool:
        numbers.append(job.name)
        name = f"{job.name[:55]}-{len(numbers)}"
        return original(sagemaker, replace(job, request=job.request.replace(f'"{job.name}"', f'"{name}"')))

    numbers: list[str] = []
    original = start_transform._create
    return [(start_transform, "_create", create)]


@_bug("a job that does not start at once fails")
def _no_patience():
    def create(sagemaker, job) -> bool:
        if not original(sagemaker, job):
            raise JobRefusedError("SageMaker has no capacity")
        return True

    original = start_transform._create
    return [(start_transform, "_create", create)]


@_bug("jobs are started although no slot is free")
def _no_limit():
    return [
        (start_transform, "claim", _claim_without_slots),
        (start_transform, "count_free_slots", lambda services: 100),
    ]


def _claim_without_slots(services, members, plan):
    job = plan(members)
    return job if services.ledger.claim(job, members) else None


@_bug("a job that ends keeps its slot")
def _slot_kept():
    def close_job(services, name, state, **facts) -> None:
        services.ledger.move(services.ledger.find_job(name), state, **facts)

    return [(finish, "close_job", close_job), (start_transform, "close_job", close_job)]


# -- the end of a job --


@_bug("the status of the event is taken for that of the job")
def _event_trusted():
    def describe(sagemaker, task, name):
        description = original(sagemaker, task, name)
        return replace(description, end=description.end or "DONE")

    original = finish.describe
    return [(finish, "describe", describe)]


@_bug("results of a later attempt replace those of the first")
def _wrong_place():
    from seqdrop.results import writer

    def result_key(attempt, name: str) -> str:
        return original(replace(attempt, number=1), name)

    original = writer.result_key
    return [(writer, "result_key", result_key)]


@_bug("the failure of a job is that of all its members")
def _never_split():
    return [(finish, "next_group", lambda *_: None)]


@_bug("the members left of a failed job are tried again together, for ever")
def _never_apart():
    def next_group(job, lacking, attempt, reason) -> str | None:
        return f"{job.name}/0"

    return [(finish, "next_group", next_group)]


@_bug("members with outputs are tried again as well")
def _all_again():
    def lacks_outputs(self, attempt) -> bool:
        return self.state == "FAILED" or original(self, attempt)

    original = finish._EndedJob.lacks_outputs
    return [(finish._EndedJob, "lacks_outputs", lacks_outputs)]


# -- mails to the lab --


@_bug("a rejection is recorded before its reason is written")
def _reason_last():
    def reject(services, upload, rejection, has_report=False) -> None:
        services.ledger.move(upload, "REJECTED", reason=rejection["code"])
        notifications.write_reason(services, upload, rejection)
        mail = notifications.RejectionMail(has_report)
        notifications.mail_rejection(services, [upload], rejection, mail)

    return [(validate, "reject", reject), (validate, "reject", reject)]


@_bug("a failure is recorded before the lab is notified")
def _mail_last():
    def fail_attempt(services, attempt, reason: str) -> None:
        services.ledger.move(services.ledger.find_attempt(attempt.key), "FAILED", reason=reason)
        upload = services.ledger.find_upload(attempt.upload_id)
        services.notify(f"Seqdrop: no predictions for {upload.key}", upload.key)

    return [(module, "fail_attempt", fail_attempt) for module in (outcomes, finish, start_transform)]


# -- the reconciler without one of its checks --


for _name in ("validated", "planned", "unstarted_jobs", "started_jobs", "unrecorded"):
    _bug(f"the reconciler does not check {_name}")(skip_check(_name))
