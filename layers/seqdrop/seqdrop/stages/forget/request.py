"""The first step: a person asks to delete the archived copy of an upload, or takes that back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.archive.terms import early_deletion_usd, free_to_delete_from
from seqdrop.aws import keys
from seqdrop.runtime.services import Services, iso, now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seqdrop.ledger.records import Upload

MOST_NAMED = 20  # files in a mail


@dataclass(frozen=True)
class Charge:
    """What the minimum days of the storage class cost (US dollars) if a copy is deleted at a time, and until when."""

    usd: float
    free_from: date


@dataclass(frozen=True)
class Request:
    """What a person asks for: `reason` is for the tombstone; `results` are deleted as well if `with_results`."""

    reason: str = ""
    with_results: bool = False


def explain_refusal(upload: Upload) -> str:
    """Return why the copy of an upload cannot be deleted on request; "" if it can."""
    if upload.state == "FORGETTING":
        return f"it is forgotten already, from {upload.forget_due_at[:16]} on"
    if upload.state == "FORGOTTEN":
        return "its copy was deleted"
    return "" if upload.state == "ARCHIVED" else f"it is {upload.state}, and only an ARCHIVED file has a copy"


def explain_no_cancel(upload: Upload) -> str:
    """Return why a request cannot be taken back; "" if it can."""
    if upload.state != "FORGETTING":
        return f"it is {upload.state}; only a file that is FORGETTING waits for its deletion"
    return "its deletion has begun" if upload.forget_begun_at else ""


def compute_charge(upload: Upload, at: str) -> Charge:
    """Return what it costs to delete the copy of an ARCHIVED upload at a time. A bundle costs what its files cost."""
    name = upload.storage_class or DEEP_ARCHIVE
    archived_at = upload.timeline.get("ARCHIVED", upload.moved_at)
    usd = early_deletion_usd(name, upload.size, archived_at, datetime.fromisoformat(at))
    return Charge(usd, free_to_delete_from(name, archived_at))


def is_bundled(upload: Upload) -> bool:
    """Return True if the copy of an upload is a part of a bundle."""
    return bool(upload.archive_key) and upload.archive_key != keys.archived(upload.key, upload.id)


def due_at(services: Services) -> str:
    """Return when a request of now is carried out at the earliest."""
    return iso(clock.utc_now() + timedelta(days=services.settings.forget_days))


def ask(services: Services, upload: Upload, request: Request) -> bool:
    """Record a request, after `mail_request`; return False if the record has changed since it was read.

    The record does not expire while it waits.
    """
    return services.ledger.move(
        upload,
        "FORGETTING",
        forget_asked_at=now(),
        forget_due_at=due_at(services),
        forget_reason=request.reason,
        forget_results="yes" if request.with_results else "",
        expires_at=0,
    )


def cancel(services: Services, upload: Upload) -> bool:
    """Take a request back; return False if the record has changed since it was read."""
    return services.ledger.move(upload, "ARCHIVED")


def mail_request(services: Services, uploads: Sequence[Upload], request: Request) -> None:
    """Notify the lab of a request, before it is recorded: it has the days until then to take it back."""
    size, days = sum(upload.size for upload in uploads), services.settings.forget_days
    names = "".join(f"  {upload.key} (upload {upload.id})\n" for upload in uploads[:MOST_NAMED])
    more = f"  and {len(uploads) - MOST_NAMED:,} more\n" if len(uploads) > MOST_NAMED else ""
    reason = f"Reason: {request.reason}\n" if request.reason else ""
    results = " and their results" if request.with_results else ""
    services.notify(
        f"Seqdrop was asked to forget {len(uploads):,} archived files",
        f"A person asked to delete the archived copies{results} of {len(uploads):,} files ({size:,} bytes):\n"
        f"{names}{more}{reason}\n"
        f"They are deleted after {days} days (stack parameter ForgetDays), from {due_at(services)} on.\n"
        "These copies are the only ones that Seqdrop has. To keep a file, until then:\n"
        f"  seqdrop forget {uploads[0].id} --cancel --yes\n",
    )
