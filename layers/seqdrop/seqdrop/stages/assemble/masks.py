"""A FASTA whose masked intervals are to be filled, and the BED that may name them: uploads of their own, in any order.

A FASTA with runs of N advances by itself, unless a BED is there. One without waits for its BED, and a BED for its
FASTA; a FASTA that waits is examined again when its BED comes. So a BED is used, or the lab is notified that it came
too late; none is passed over.
"""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.companions.masks import BED, FASTA, MISFITS, parse
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.kinds.plans import attempts_of
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.records import Step, Upload
from seqdrop.stages.assemble.decision import NOTHING, Decision, reject, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.notifications import report, report_content
from seqdrop.work.examination import Examination, rejection

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.errors import Rejection
    from seqdrop.ledger.table import Ledger
    from seqdrop.reads.bed import Bed
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View

REJECTS_BOTH = MISFITS | {"too_many_windows"}  # found in the FASTA, but a matter of its BED as well


class Masks(Policy):
    """Slots are "fasta" and "bed"."""

    name, awaited = earlier_sets.MASKS, "what this one waited for"
    drop_again = "drop it again, and its BED before it if it has one"

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        name = parse(upload.key)
        return name.set_name(upload.bucket), name.slot

    def read(self, services: Services, upload: Upload) -> Bed | None:
        """A BED. How a FASTA is read depends on whether there is one."""
        from seqdrop.stages.assemble.masked_reading import bed_of  # not all that ask a policy have the reads layer

        return bed_of(services, upload) if parse(upload.key).slot == BED else None

    def decide(self, view: View) -> Decision:
        if view.upload.state == "WAITING":  # the other file moves it
            return NOTHING
        return _decide_bed(view, view.content) if view.slot == BED else _decide_fasta(view)

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        name = parse(upload.key)
        partner = posixpath.basename(name.partner)
        used = "Did it serve an earlier version of this file? A BED is used once; drop it again."
        hints = (used, "Is nothing to be filled? Then delete this file.")
        if name.slot == BED:
            return Awaited.partner("its FASTA", partner, f"{name.partner}, or a FASTA of that name", partner, *hints)
        why = f"{name.partner}: it has no run of N,\nso a BED has to say what is to be filled"
        return Awaited.partner("its BED", partner, why, partner, *hints)


MASKS = Masks()


def _decide_bed(view: View, bed: Bed) -> Decision:
    """It waits. A FASTA that waits is read again, with it; one that advanced without a BED is not."""
    upload, fasta = view.upload, view.member(FASTA)
    if fasta and fasta.state != "WAITING" and not fasta.mate:
        left = view.file_set.without_member(FASTA)  # so that the next BED waits
        return reject(view.services, [upload], _late(fasta, upload), file_set=left, read=False)
    facts = {"format": "bed", "sha256": bed.sha256, "records": len(bed.intervals)}
    wakes = [Step(fasta, "RECEIVED")] if fasta and fasta.state == "WAITING" else []
    about = {"stretches": len(bed.intervals), "records": len(list(bed.intervals.names))}
    reported = {"format": "bed", "sha256": bed.sha256} | about
    return wait(view, facts, *wakes).after(partial(report_content, view.services, upload, reported))


def _decide_fasta(view: View) -> Decision:
    from seqdrop.stages.assemble.masked_reading import examined

    fasta, bed = view.upload, view.member(BED)
    bed = bed if bed and bed.state == "WAITING" else None
    found = examined(view, bed)
    return _judged(view, found, bed).after(partial(report, view.services, fasta, found))


def _judged(view: View, found: Examination, bed: Upload | None) -> Decision:
    """What follows from an examination with a BED, or without one."""
    fasta = view.upload
    if found.rejection and bed and found.rejection["code"] in REJECTS_BOTH:
        mates = {fasta.id: bed, bed.id: fasta}
        refusal, options = _misfit(found.rejection, bed), {"read": False, "other": "its BED"}
        return reject(view.services, [fasta, bed], refusal, mates=mates, file_set=view.file_set, **options)
    if found.rejection:
        return reject(view.services, [fasta], found.rejection, read=True)
    if not found.items:
        return wait(view, found.facts)
    (attempt,) = attempts_of(found)
    steps = [Step(fasta, "VALIDATED", found.facts | ({"mate": bed.id} if bed else {}))]
    steps += [Step(bed, "VALIDATED", {"mate": fasta.id, "masks_of": attempt.key})] if bed else []
    return Decision(steps, [attempt], view.with_upload, enqueue=[fasta])


def _late(fasta: Upload, bed: Upload) -> Rejection:
    message = f"{fasta.key} (upload {fasta.id}) went on before this file came; its runs of N are what is filled"
    advice = f"Drop this file again, and then {posixpath.basename(fasta.key)} again: in that order the BED is used."
    return rejection(InvalidFileError(Fault("bed_late", message, advice)))


def _misfit(refusal: Rejection, bed: Upload) -> Rejection:
    name, message = posixpath.basename(bed.key), refusal["message"]
    message = f"{message} (lines are those of {name})" if refusal["code"] in MISFITS else message
    return {**refusal, "message": message, "advice": f"{refusal['advice']} Drop both again, once they fit."}
