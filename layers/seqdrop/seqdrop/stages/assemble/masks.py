"""A FASTA and a BED that do not fit, and one that comes too late: what the lab is told, and the ledger.

A FASTA whose masked stretches are to be filled, and the BED that may say which: uploads of their own, in any order.

A FASTA with runs of N goes on by itself, unless a BED is there. One without waits for its BED, and a BED for its FASTA.
Each move is one transaction with the set's record, on which both were read; who is refused looks again, and examines
the FASTA anew if that changed what is masked. So a BED is used, or told that it came too late, and never passed over.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.s3 import is_gone
from seqdrop.companions.bed_masks import MISFITS, BedMasks
from seqdrop.companions.masks import BED, FASTA, MaskName, parse
from seqdrop.errors import Fault, InvalidFile, ObjectGone, RetryableError
from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.earlier_sets import MASKS
from seqdrop.ledger.records import Step, Upload
from seqdrop.reads.bed import Bed, read_bed
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.engine import superseded
from seqdrop.stages.assemble.view import LIVE
from seqdrop.stages.notifications import mail, reason, reject, report
from seqdrop.stages.routing import hand_on
from seqdrop.work.examination import Examination, load, rejection
from seqdrop.work.examine import examine

# What is found in a FASTA, and is a matter of its BED as well.
REJECTS_BOTH = MISFITS | {"too_many_windows"}


def superseded_by(upload: Upload) -> dict:
    """Why a version that waited is rejected: another took its place."""
    return superseded(upload, "what this one waited for")


def reject_both(services: Services, fasta: Upload, bed: Upload, found: FileSet, refused: dict) -> bool:
    """Reject a FASTA and the BED that does not fit it. One mail for both; False if someone was first.

    Like every rejection, told first: twice at the worst, never not at all.
    """
    name = posixpath.basename(bed.key)
    said = {"message": f"{refused['message']} (lines are those of {name})"} if refused["code"] in MISFITS else {}
    refused = refused | said | {"advice": f"{refused['advice']} Drop both again, once they fit."}
    pair = ((fasta, bed), (bed, fasta))
    for one, other in pair:
        place = {"upload": other.id, "key": other.key, "version_id": other.version_id}
        reason(services, one, refused | {"mate": place})
    mail(services, [fasta, bed], refused, read=False, other="its BED")
    logger().info("FASTA and BED do not fit", extra={"uploads": [fasta.id, bed.id], "code": refused["code"]})
    steps = [Step(one, "REJECTED", {"reason": refused["code"], "mate": other.id}) for one, other in pair]
    return services.ledger.move_together(steps, shared=found)


def reject_late(services: Services, bed: Upload, fasta: Upload, left: FileSet, more: list[Step]) -> bool:
    """Reject a BED whose FASTA went on without it. `left` is the set without that FASTA: the next BED waits."""
    message = f"{fasta.key} (upload {fasta.id}) went on before this file came; its runs of N are what is filled"
    advice = f"Drop this file again, and then {posixpath.basename(fasta.key)} again: in that order the BED is used."
    refused = rejection(InvalidFile(Fault("bed_late", message, advice)))
    reason(services, bed, refused)
    mail(services, [bed], refused, read=False)
    logger().info("rejected", extra={"upload_id": bed.id, "code": "bed_late"})
    return services.ledger.move_together([Step(bed, "REJECTED", {"reason": "bed_late"}), *more], shared=left)


TRIES = 10  # each is lost only to someone who got on


@dataclass(frozen=True)
class Seats:
    """One look at the set: who else holds the seat of an upload, and who the other one; None where nobody counts."""

    upload: Upload
    name: MaskName
    found: FileSet
    before: Upload | None
    other: Upload | None

    @property
    def late(self) -> bool:
        """Whether a newer version of the same file has the seat."""
        before = self.before
        return bool(before and before.key == self.upload.key and before.version.order > self.upload.version.order)

    @property
    def taken(self) -> FileSet:
        """The set with the upload in its seat."""
        return self.found.with_member(self.name.seat, self.upload.id)


def settle_masked(services: Services, upload: Upload) -> None:
    """Bring a RECEIVED or WAITING file under a masked prefix as far as the other lets it, and that with it.

    Safe at any time and from either side. Raises InvalidFile, ObjectGone, or RetryableError if others were first.
    """
    name = parse(upload.key)
    bed = bed_of(services, upload) if name.seat == BED and upload.state == "RECEIVED" else None
    for _ in range(TRIES):
        upload = services.ledger.upload(upload.id)
        if upload.state not in ("RECEIVED", "WAITING"):
            return hand_on(services, upload)
        if _settle_once(services, _look(services, upload, name), bed):
            return
    raise RetryableError(f"others kept moving what belongs to {upload.key}")


def bed_of(services: Services, upload: Upload) -> Bed:
    """One pass over a BED. Raises InvalidFile, ObjectGone."""
    with RangedObject(services.s3, upload.version) as body:
        return read_bed(body, upload.key)


def _look(services: Services, upload: Upload, name: MaskName) -> Seats:
    found = services.ledger.file_set(MASKS, name.set_name(upload.bucket))
    before, other = (_holder(services, found, seat, upload) for seat in (name.seat, name.other_seat))
    return Seats(upload, name, found, before, other)


def _holder(services: Services, found: FileSet, seat: str, upload: Upload) -> Upload | None:
    upload_id = found.members.get(seat, "")
    holder = services.ledger.upload(upload_id) if upload_id and upload_id != upload.id else None
    return holder if holder and holder.state in LIVE else None


def _settle_once(services: Services, seats: Seats, bed: Bed | None) -> bool:
    """False: someone was first, or something was put right, and all must be looked at again."""
    if seats.upload.state == "WAITING":
        return not is_gone(services.s3, seats.upload) or _withdraw(services, seats.upload)
    if seats.late:
        reject(services, seats.upload, superseded_by(seats.before))
        return True
    return _settle_bed(services, seats, bed) if bed else _settle_fasta(services, seats)


def _withdraw(services: Services, upload: Upload) -> bool:
    return services.ledger.move(upload, "WITHDRAWN", reason="deleted_while_it_waited")


def _settle_bed(services: Services, seats: Seats, bed: Bed) -> bool:
    """It waits; a FASTA that waits is examined again, with it. One that went on without a BED is not."""
    fasta = seats.other
    if fasta and fasta.state != "WAITING" and not fasta.mate:
        return reject_late(services, seats.upload, fasta, seats.found.without_member(FASTA), _replaced(services, seats))
    facts = {"format": "bed", "sha256": bed.sha256, "records": len(bed.stretches), "waiting_since": now()}
    steps = [Step(seats.upload, "WAITING", facts), *_replaced(services, seats)]
    wakes = fasta is not None and fasta.state == "WAITING"
    _report(services, seats.upload, bed)
    if not services.ledger.move_together([*steps, *([Step(fasta, "RECEIVED")] if wakes else [])], shared=seats.taken):
        return False
    if wakes:
        services.send(services.settings.validate_queue, landed_message(fasta.version))
    return True


def _report(services: Services, upload: Upload, bed: Bed) -> None:
    place = {"upload": upload.id, "key": upload.key, "version_id": upload.version_id, "valid": True, "format": "bed"}
    found = {"sha256": bed.sha256, "stretches": len(bed.stretches), "records": len(list(bed.stretches.names))}
    services.put_json(services.settings.results, f"reports/{upload.id}.json", place | found)


def _settle_fasta(services: Services, seats: Seats) -> bool:
    bed = seats.other if seats.other and seats.other.state == "WAITING" else None
    found = _examined(services, seats.upload, bed)
    if found is None:
        return False
    report(services, seats.upload, found)
    if found.rejection and bed and found.rejection["code"] in REJECTS_BOTH:
        return reject_both(services, seats.upload, bed, seats.found, found.rejection)
    if found.rejection:
        reject(services, seats.upload, found.rejection, read=True)
        return True
    return _go_on(services, seats, found, bed) if found.items else _wait(services, seats, found)


def _examined(services: Services, upload: Upload, bed: Upload | None) -> Examination | None:
    """What a pass over the FASTA finds if that BED says what to fill, or none; None if the BED was deleted.

    Raises ObjectGone if the FASTA was.
    """
    found = load(services.s3, services.settings.work, upload.id)
    if found and found.masks == (bed.id if bed else ""):
        return found
    try:
        masks = BedMasks(bed.id, bed_of(services, bed)) if bed else None
    except ObjectGone:
        _withdraw(services, bed)
        return None
    analysis = services.analyses.for_key(upload.key)
    return examine(services.s3, services.settings.work, upload.version, analysis, masks=masks)


def _wait(services: Services, seats: Seats, found: Examination) -> bool:
    facts = found.facts | {"waiting_since": seats.upload.waiting_since or now()}
    steps = [Step(seats.upload, "WAITING", facts), *_replaced(services, seats)]
    return services.ledger.move_together(steps, shared=seats.taken)


def _go_on(services: Services, seats: Seats, found: Examination, bed: Upload | None) -> bool:
    """Move the FASTA, and its BED with it."""
    (attempt,) = found.attempts
    steps = [Step(seats.upload, "VALIDATED", found.facts | ({"mate": bed.id} if bed else {}))]
    if bed:
        steps.append(Step(bed, "VALIDATED", {"mate": seats.upload.id, "masks_of": attempt.key}))
    if not services.ledger.move_together([*steps, *_replaced(services, seats)], [attempt], seats.taken):
        return False
    hand_on(services, services.ledger.upload(seats.upload.id))
    return True


def _replaced(services: Services, seats: Seats) -> list[Step]:
    """The end of an earlier version, if one still waits in the seat."""
    before = seats.before
    if before is None or before.state != "WAITING":
        return []
    refused = superseded_by(seats.upload)
    reason(services, before, refused)
    mail(services, [before], refused, read=False)
    return [Step(before, "REJECTED", {"reason": refused["code"]})]
