"""Two mates that do not fit, and a file that a newer version replaced: what the lab is told, and the ledger.

R1 and R2 come as uploads of their own, in any order. Each is examined alone; the second is checked with the first.

Nobody waits in a Lambda: the first mate stands in WAITING (or goes on, where analyses.toml says "check"), and whoever
validates the second moves both. Each move is one transaction with the pair's record, on which both were read; who is
refused looks again. So of two mates that are validated at one moment, the later sees the earlier.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace

from seqdrop.aws.s3 import is_gone
from seqdrop.companions.mates import parse
from seqdrop.config.analyses import SINGLE, WAIT, Analysis
from seqdrop.errors import Fault, InvalidFile, RetryableError
from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.records import Step, Upload
from seqdrop.reads.findings import Policy
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.pair_view import Meeting, look
from seqdrop.stages.notifications import mail, reason, reject, report
from seqdrop.stages.routing import hand_on
from seqdrop.work import mate_digests
from seqdrop.work.examination import Examination, load, rejection
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


TRIES = 10  # each is lost only to someone who got on


def has_mate(services: Services, upload: Upload, examination: Examination) -> bool:
    """Whether there should be another file for this one.

    A weak name (`sample_1`) of a file that holds both mates, interleaved, is a number and no more.
    """
    name = parse(upload.key)
    if services.analyses.mates_of(upload.key) == SINGLE or not (name and name.is_mate):
        return False
    return examination.report["format"] == "fastq" and (name.sure or not examination.report["interleaved"])


def settle_mate(services: Services, upload: Upload, examination: Examination | None = None) -> None:
    """Bring a sound RECEIVED upload, or one in WAITING, as far as its mate lets it; and the mate with it.

    Safe at any time and from either side. Raises RetryableError if others were first each time.
    """
    for _ in range(TRIES):
        upload = services.ledger.upload(upload.id)
        if upload.state not in ("RECEIVED", "WAITING"):
            return hand_on(services, upload)
        if _settle_once(services, look(services, upload), examination):
            return
    raise RetryableError(f"others kept moving the pair of {upload.key}")


def _settle_once(services: Services, met: Meeting, examination: Examination | None) -> bool:
    """False: someone was first, or something had to be put right, and all must be looked at again."""
    if gone := next((one for one in (met.upload, met.mate) if one and _is_gone(services, one)), None):
        return services.ledger.move(gone, "WITHDRAWN", reason="deleted_while_it_waited") and gone is met.upload
    if met.nothing_new:
        return True
    own = examination or _examination(services, met.upload)
    of_mate = _examination(services, met.mate) if met.mate else None
    if expired := met.upload if not own else met.mate if met.mate_waits and not of_mate else None:
        _examine_again(services, expired)
        return expired is met.upload
    if met.late and met.mode == WAIT:
        reject(services, met.upload, superseded(met.before))
        return True
    check = _check(services, met, own) if met.mate and not met.late else None
    if met.target(check) == "REJECTED":
        return reject_mates(services, met, check)
    return _go_on(services, met, check, own, of_mate)


def _is_gone(services: Services, upload: Upload) -> bool:
    """Whether an upload that waits was deleted meanwhile. Others are being read, or were archived."""
    return upload.state == "WAITING" and is_gone(services.s3, upload)


def _examination(services: Services, upload: Upload) -> Examination | None:
    return load(services.s3, services.settings.work, upload.id, upload.read_for)


def _examine_again(services: Services, upload: Upload) -> None:
    """What the pass had left in the work bucket has expired while the upload waited."""
    if services.ledger.move(upload, "RECEIVED"):
        services.send(services.settings.validate_queue, landed_message(upload.version))


def _check(services: Services, met: Meeting, own: Examination) -> Check:
    digests = [mate_digests.load(services.s3, services.settings.work, one.id) for one in met.first_and_second]
    return mate_digests.check(*digests, met.name.sure, Policy(Analysis.from_json(own.plan).severity))


def _go_on(
    services: Services, met: Meeting, check: Check | None, own: Examination, of_mate: Examination | None
) -> bool:
    """Move the upload, and a mate that waited for it; False if someone was first."""
    upload, mate, to = met.upload, met.mate, met.target(check)
    if to == upload.state:
        return True  # the mate that is there is that of an earlier version
    settled = check is not None and not check.faults
    steps = [Step(upload, to, own.facts | _facts(upload, to, mate if settled else None))]
    attempts = own.attempts if to == "VALIDATED" else []
    if settled and met.mate_waits:
        steps.append(Step(mate, "VALIDATED", {"mate": upload.id}))
        attempts = attempts + of_mate.attempts
    _report(services, met, check, own, of_mate if settled else None)
    if not services.ledger.move_together([*steps, *_superseded(services, met)], attempts, _seated(met, settled)):
        return False
    for step in steps:
        hand_on(services, services.ledger.upload(step.record.id))
    return True


def _facts(upload: Upload, to: str, mate: Upload | None) -> dict:
    waiting = {"waiting_since": upload.waiting_since or now()} if to == "WAITING" else {}
    return waiting | ({"mate": mate.id} if mate else {})


def _seated(met: Meeting, settled: bool) -> FileSet | None:
    """The pair with the upload in its seat; None (leave it as it is) for a version that comes too late for one."""
    if met.late:
        return None
    seated = met.pair.with_member(str(met.name.number), met.upload.id)
    return seated.with_facts(settled=[met.upload.id, met.mate.id]) if settled else seated


def _superseded(services: Services, met: Meeting) -> list[Step]:
    """The end of an earlier version, if one still waits in the seat: no mate will ever find it there again."""
    before = met.before
    if met.late or not before or before.state != "WAITING":
        return []
    refused = superseded(met.upload)
    reason(services, before, refused)
    mail(services, [before], refused)
    return [Step(before, "REJECTED", {"reason": refused["code"]})]


def _report(
    services: Services, met: Meeting, check: Check | None, own: Examination, of_mate: Examination | None
) -> None:
    """The upload's report; and that of its mate, which could not tell of this one yet."""
    report(services, met.upload, own, _entry(met.name.partner, met.mate, check))
    if of_mate:
        report(services, met.mate, of_mate, _entry("", met.upload, check))


def _entry(key: str, other: Upload | None, check: Check | None) -> dict:
    """What a report says of the other mate; `key` is what it would be called."""
    if other is None or check is None:
        note = "not checked: it was not there when this file was validated"
        return {"key": key, "upload": None, "checked": False, "faults": [], "note": note}
    faults = [one.code for one in check.faults]
    note = "that is the mate of an earlier version of this file" if faults else check.note
    return {"key": other.key, "upload": other.id, "checked": check.checked, "faults": faults, "note": note}
