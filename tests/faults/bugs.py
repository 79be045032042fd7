"""Deliberate bugs, each of a kind that is easily made: what the schedules must find, or they prove nothing."""

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

from tests.faults.planting import Bug, blind, registry, unconditional

BUGS: list[Bug] = []
_bug = registry(BUGS)


# -- the ledger --


@_bug("a move does not ask where the record stands")
def _no_condition():
    return [(Ledger, "_replace", unconditional(Ledger._replace))]


@_bug("a new record is written over one that is there", quick=True)
def _written_over():
    return [(Ledger, "_put", unconditional(Ledger._put))]


@_bug("what uploads and jobs share is written without looking at its revision")
def _shared_blindly():
    return [(Ledger, "_put_shared", unconditional(Ledger._put_shared))]


@_bug("a job and its members are written one after the other")
def _claim_apart():
    def claim(self, job, members, slots=None) -> bool:
        writes = [self._put(job), *(self._step(Step(member, "SUBMITTED", {"job": job.name})) for member in members)]
        writes += [self._put_shared(slots.with_job(job.name))] if slots else []
        done = [self._transact([write]) for write in writes]
        return all(done)

    return [(Ledger, "claim", claim)]


# -- the archive --


@_bug("archive empties the landing bucket before it has copied", quick=True)
def _deleted_first():
    def copied(services, upload):
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
        return known(services, upload)

    known = archive._copied
    return [(archive, "_copied", copied)]


@_bug("archive deletes by key, not by version")
def _deleted_by_key():
    def end(services, upload, copied) -> None:
        archive._write_receipt(services, upload, copied)
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key)
        archive.end_upload(services, upload, "ARCHIVED", archive_key=copied["key"])

    return [(archive, "_end", end)]


@_bug("archive tells the ledger before it empties the landing bucket")
def _told_before_deleted():
    def end(services, upload, copied) -> None:
        archive._write_receipt(services, upload, copied)
        archive.end_upload(services, upload, "ARCHIVED", archive_key=copied["key"])
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)

    return [(archive, "_end", end)]


@_bug("archive believes that there is a copy, and does not look")
def _unverified():
    def verified(s3, upload, bucket) -> dict:
        return {"bucket": bucket, "key": cold.archive_key(upload), "sha256": upload.sha256}

    return [(cold, "verified_copy", verified)]


@_bug("archive takes a failed attempt for done", quick=True)
def _failed_is_done():
    def due(services, upload) -> bool:
        return all(one.state in ("PREDICTED", "FAILED") for one in services.ledger.deciding_attempts(upload))

    return [(archive, "is_due", due)]


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


@_bug("a job that is there already counts as refused")
def _in_use_is_refused():
    def adopt(sagemaker, task, request) -> bool:
        raise JobRefusedError("there is a job of this name")

    return [(client, "_adopt", adopt)]


@_bug("a job gets another name each time it is started")
def _named_anew():
    def create(sagemaker, job) -> bool:
        numbers.append(job.name)
        name = f"{job.name[:55]}-{len(numbers)}"
        return known(sagemaker, replace(job, request=job.request.replace(f'"{job.name}"', f'"{name}"')))

    numbers: list[str] = []
    known = start_transform._create
    return [(start_transform, "_create", create)]


@_bug("what does not start at once fails")
def _no_patience():
    def create(sagemaker, job) -> bool:
        if not known(sagemaker, job):
            raise JobRefusedError("there is no room")
        return True

    known = start_transform._create
    return [(start_transform, "_create", create)]


@_bug("nobody asks whether there is room")
def _no_cap():
    return [
        (start_transform, "claim", _claim_without_room),
        (start_transform, "count_free_slots", lambda services: 100),
    ]


def _claim_without_room(services, members, make):
    job = make(members)
    return job if services.ledger.claim(job, members) else None


@_bug("a job that ends keeps its place")
def _place_kept():
    def end_job(services, job, end, **facts) -> None:
        services.ledger.move(services.ledger.find_job(job.name), end, **facts)

    return [(finish, "end_job", end_job), (start_transform, "end_job", end_job)]


# -- the end of a job --


@_bug("the event's word is taken for the job's status")
def _event_trusted():
    def described(sagemaker, task, name):
        found = known(sagemaker, task, name)
        return replace(found, end=found.end or "DONE")

    known = finish.describe
    return [(finish, "describe", described)]


@_bug("results of a later attempt go where those of the first are")
def _wrong_place():
    from seqdrop.results import writer

    def key(attempt, name: str) -> str:
        return known(replace(attempt, number=1), name)

    known = writer.result_key
    return [(writer, "result_key", key)]


@_bug("a job's failure is that of all its members")
def _never_split():
    return [(finish, "next_group", lambda *_: None)]


@_bug("what is left of a failed job is tried again together, for ever")
def _never_apart():
    def together(job, lacking, attempt, reason) -> str | None:
        return f"{job.name}/0"

    return [(finish, "next_group", together)]


@_bug("members that have their answers are tried again as well")
def _all_again():
    def lacks(self, attempt) -> bool:
        return self.end == "FAILED" or known(self, attempt)

    known = finish._Ended.lacks
    return [(finish._Ended, "lacks", lacks)]


# -- what a lab is told --


@_bug("a rejection is written down before its reason is")
def _reason_last():
    def reject(services, upload, refused, read=False) -> None:
        services.ledger.move(upload, "REJECTED", reason=refused["code"])
        notifications.reason(services, upload, refused)
        notifications.mail(services, [upload], refused, read)

    return [(validate, "reject", reject), (validate, "reject", reject)]


@_bug("a failure is written down before the lab is told")
def _mail_last():
    def fail(services, attempt, reason: str) -> None:
        services.ledger.move(services.ledger.find_attempt(attempt.key), "FAILED", reason=reason)
        upload = services.ledger.find_upload(attempt.upload_id)
        services.notify(f"Seqdrop: no predictions for {upload.key}", upload.key)

    return [(module, "fail_attempt", fail) for module in (outcomes, finish, start_transform)]


# -- the reconciler, blind in one eye --


for _name in ("validated", "planned", "unstarted_jobs", "started_jobs", "unrecorded"):
    _bug(f"the reconciler does not look at {_name}")(blind(_name))
