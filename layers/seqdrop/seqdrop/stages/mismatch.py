"""Two mates that do not fit, and a file that a newer version replaced: what the lab is told, and the ledger."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from seqdrop.errors import Fault, InvalidFile
from seqdrop.ledger.records import Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services
from seqdrop.stages.assemble.pair_view import Meeting
from seqdrop.stages.notifications import mail, reason
from seqdrop.work.examination import rejection
from seqdrop.work.mate_digests import Check

TWO_SAMPLES = ' If they are two samples and no mates, name them otherwise, or set mates = "single" in analyses.toml.'


def reject_mates(services: Services, met: Meeting, check: Check) -> bool:
    """Reject an upload for its mate, and with it the mate if that waits. One mail for both; False if someone was first.

    Like every rejection, told first: twice at the worst, never not at all.
    """
    refused, together = _refused(met, check), met.mate_waits
    rejected = [one for one in met.first_and_second if together or one is met.upload]
    for one in rejected:
        other = met.mate if one is met.upload else met.upload
        reason(services, one, refused | {"mate": _place(other)})
    mail(services, rejected, refused)
    others = {met.upload.id: met.mate.id, met.mate.id: met.upload.id}
    facts = {"reason": refused["code"]}
    steps = [Step(one, "REJECTED", facts | {"mate": others[one.id]}) for one in rejected]
    logger().info("mates do not fit", extra={"uploads": list(others), "code": refused["code"]})
    return services.ledger.move_together(steps)


def superseded(by: Upload, awaited: str = "the mate") -> dict:
    """Why a version that waited for another file is rejected: a newer one took its place."""
    message = f"a newer version came before {awaited} did: {by.key}, upload {by.id}"
    advice = "Nothing, if the newer one is right. If this one is, drop it again."
    return rejection(InvalidFile(Fault("superseded", message, advice)))


def _refused(met: Meeting, check: Check) -> dict:
    faults = [_explained(met, one) for one in check.faults]
    counts = {one.code: sum(other.code == one.code for other in faults) for one in faults}
    return rejection(InvalidFile(faults[0], faults, counts))


def _explained(met: Meeting, fault: Fault) -> Fault:
    """The fault with the files by name, and what to drop once they are mended."""
    first, second = (posixpath.basename(one.key) for one in met.first_and_second)
    again = "Drop both again." if met.mate_waits else f"{met.mate.key} was accepted before; drop this one again."
    advice = f"{fault.advice} {again}" + ("" if met.name.sure else TWO_SAMPLES)
    return replace(fault, message=f"{fault.message} (first: {first}, second: {second})", advice=advice)


def _place(upload: Upload) -> dict:
    return {"upload": upload.id, "key": upload.key, "version_id": upload.version_id}
