"""Mails about requests for restores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys

if TYPE_CHECKING:
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.runtime.services import Services


def mail_restored(services: Services, request: RestoreRequest) -> None:
    """Notify the lab that a request is done, with the next step."""
    until = f"until {request.until[:16]} UTC" if request.until else "at any time: their storage class needs no restore"
    services.notify(
        f"Seqdrop: {_files(request)} of restore {request.id} can be read",
        f"{_files(request)} in {_objects(request)} can be read {until}.\n"
        f"  restore {request.id}: {request.selector}\n\n{_explain_next(services, request)}"
        "Nothing has to be cleaned up: the temporary copies expire by themselves, and the archive keeps its own.\n",
    )


def mail_failed(services: Services, request: RestoreRequest, reason: str) -> None:
    """Notify the lab that a request did not succeed, with what to do."""
    listed = "".join(f"  {failure}\n" for failure in request.failures)
    services.notify(
        f"Seqdrop: restore {request.id} failed",
        f"Not every file of this restore can be read.\n  restore {request.id}: {request.selector}\n\n"
        f"Cause: {reason}\n{listed}\n"
        "What to do: remove the cause, and run the same `seqdrop restore` again. It asks only for what is not restored "
        "already. The objects that were restored can be read in the meantime.\n",
    )


def _files(request: RestoreRequest) -> str:
    return "1 file" if request.files == 1 else f"{request.files} files"


def _objects(request: RestoreRequest) -> str:
    return "1 archive object" if request.objects == 1 else f"{request.objects} archive objects"


def _explain_next(services: Services, request: RestoreRequest) -> str:
    parts = []
    if request.to:
        parts.append(f"Copies that stay are at s3://{services.settings.results}/{keys.restored(request.to, '')}\n\n")
    if request.run:
        parts.append(
            f"The analysis {request.run} processes them again. Its results get upload ids of their own, beside the "
            "earlier results;\n`seqdrop status` lists them.\n\n"
        )
    if not parts:
        parts.append(f"To download them:\n  seqdrop fetch --raw {request.selector}\n\n")
    return "".join(parts)
