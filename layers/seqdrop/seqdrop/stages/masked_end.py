"""A FASTA and a BED that do not fit, and one that comes too late: what the lab is told, and the ledger."""

from __future__ import annotations

import posixpath

from seqdrop.companions.bed_masks import MISFITS
from seqdrop.errors import Fault, InvalidFile
from seqdrop.ledger.coordination import DataSet
from seqdrop.ledger.records import Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services
from seqdrop.stages.mismatch import superseded
from seqdrop.stages.notifications import mail, reason
from seqdrop.work.examination import rejection

# What is found in a FASTA, and is a matter of its BED as well.
REJECTS_BOTH = MISFITS | {"too_many_windows"}


def superseded_by(upload: Upload) -> dict:
    """Why a version that waited is rejected: another took its place."""
    return superseded(upload, "what this one waited for")


def reject_both(services: Services, fasta: Upload, bed: Upload, found: DataSet, refused: dict) -> bool:
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
    return services.ledger.move_together(steps, pair=found)


def reject_late(services: Services, bed: Upload, fasta: Upload, left: DataSet, more: list[Step]) -> bool:
    """Reject a BED whose FASTA went on without it. `left` is the set without that FASTA: the next BED waits."""
    message = f"{fasta.key} (upload {fasta.id}) went on before this file came; its runs of N are what is filled"
    advice = f"Drop this file again, and then {posixpath.basename(fasta.key)} again: in that order the BED is used."
    refused = rejection(InvalidFile(Fault("bed_late", message, advice)))
    reason(services, bed, refused)
    mail(services, [bed], refused, read=False)
    logger().info("rejected", extra={"upload_id": bed.id, "code": "bed_late"})
    return services.ledger.move_together([Step(bed, "REJECTED", {"reason": "bed_late"}), *more], pair=left)
