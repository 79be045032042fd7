"""Continue a request for a restore, from the state that its record is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import RecordNotFoundError
from seqdrop.ledger.moves import OPEN, RESTORE
from seqdrop.stages.restore import notices
from seqdrop.stages.restore.asking import ask
from seqdrop.stages.restore.copying import copy_files
from seqdrop.stages.restore.requests import read_plan
from seqdrop.stages.restore.waiting import await_all, expire

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services


def restore(services: Services, request_id: str, revision: str = "") -> None:
    """Continue a request: ask S3, look at what is back, copy what is to be copied, or note that it expired.

    This may be called at any time. `revision` is that of a message which continues the look at a batch job.
    """
    request = services.ledger.find_restore(request_id)
    if request is None:
        raise RecordNotFoundError("restore", request_id)
    if request.state not in OPEN[RESTORE]:
        return expire(services, request)
    plan = read_plan(services, request_id)
    if plan is None:
        reason = f"its list of files is missing from the results bucket: {keys.restore_plan(request_id)}"
        notices.mail_failed(services, request, reason)
        services.ledger.move(request, "FAILED", reason=reason)
    elif request.state == "ASKED":
        ask(services, request, plan, revision)
    elif request.state == "RESTORING":
        await_all(services, request, plan)
    else:
        copy_files(services, request, plan)
    return None
