"""A request for a restore: its plan in the results bucket, its record, and the message by which it begins."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.archive.restore_plan import Plan, PlannedFile
from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.ledger.restore_records import RestoreRequest
from seqdrop.stages.archive.receipts import read_receipt
from seqdrop.stages.restore.objects import read_status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

PARALLEL = 10  # objects that are looked at at the same time: the size of a client's connection pool
# What a person reads for an upload that is in none of the archive's states.
NOT_ARCHIVED = {
    "RECEIVED": "it is being read, and is still in the landing bucket",
    "WAITING": "it waits for files that belong to it, and is still in the landing bucket",
    "VALIDATED": "it is not archived yet, and is still in the landing bucket",
    "REJECTED": "it was rejected ({reason}), and is still in the landing bucket",
    "WITHDRAWN": "its object was deleted before it was archived ({reason}); there is no copy",
    "FORGETTING": "a person asked to delete it; until that is done, `seqdrop forget {id} --cancel --yes` cancels it",
    "FORGOTTEN": "it was deleted because a person asked for that; there is no copy",
    "DUPLICATE": "it has the bytes of upload {duplicate_of}, which is archived; restore that one",
}


@dataclass(frozen=True)
class Wishes:
    """What a person asked for: how fast, for how long, and what happens when all files are back."""

    selector: str
    tier: str
    days: int
    to: str = ""
    run: str = ""


def explain_not_archived(upload: Upload) -> str:
    """Return why the raw data of an upload cannot be restored; "" if it can."""
    text = NOT_ARCHIVED.get(upload.state, "")
    return text.format(id=upload.id, reason=upload.reason, duplicate_of=upload.duplicate_of)


def make_plan(services: Services, uploads: Iterable[Upload]) -> tuple[Plan, list[Upload]]:
    """Return the plan of ARCHIVED uploads from their receipts, and the uploads whose receipt is missing."""
    files, missing = [], []
    for upload in uploads:
        receipt = read_receipt(services.s3, services.settings.results, upload.id)
        if receipt is None:
            missing.append(upload)
        else:
            files.append(PlannedFile.of_receipt(receipt))
    return Plan.of(files), missing


def find_restored(services: Services, plan: Plan, days: int = 1) -> set[str]:
    """Return the ids of the objects whose temporary copy is there for this many days."""
    archived = [item for item in plan.objects if item.needs_restore]
    with ThreadPoolExecutor(PARALLEL) as threads:
        statuses = threads.map(partial(read_status, services), archived)
        return {item.id for item, status in zip(archived, statuses, strict=True) if status.lasts(days)}


def make_id() -> str:
    """Return a new id of a request, which begins with the date: r20261201-1a2b3c."""
    return f"r{clock.utc_now():%Y%m%d}-{secrets.token_hex(3)}"


def request_restore(
    services: Services, plan: Plan, wishes: Wishes, request_id: str, usd: float = 0.0
) -> RestoreRequest:
    """Write plan and record of a request, and send its message; return the record.

    This may be repeated with the same id. If the message is lost, the reconciler sends it again.
    """
    key = keys.restore_plan(request_id)
    services.s3.put_object(
        Bucket=services.settings.results, Key=key, Body=plan.body(), ContentType="application/x-ndjson"
    )
    request = RestoreRequest(
        "ASKED",
        id=request_id,
        **vars(wishes),
        files=len(plan.files),
        objects=len(plan.objects),
        bytes=plan.size,
        usd=f"{usd:.4f}",
    )
    services.ledger.create(request)
    services.send(services.settings.restore_queue, {"restore": request_id})
    return request


def read_plan(services: Services, request_id: str) -> Plan | None:
    """Return the plan of a request; None if it was deleted."""
    try:
        response = services.s3.get_object(Bucket=services.settings.results, Key=keys.restore_plan(request_id))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return Plan.read(response["Body"].read())
