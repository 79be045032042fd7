"""A FASTA with masked intervals to fill, and the BED that may name them: separate uploads, in any order.

A FASTA with runs of N advances by itself, unless its BED waits. A FASTA without N waits for its BED, and a BED waits
for its FASTA; a FASTA that waits is examined again when its BED arrives. Therefore each BED is either used, or
rejected because it arrived too late.
"""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.companions.masks import BED, FASTA, MISFITS, parse
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.kinds.plans import attempts_of
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.records import Fact, Step, Upload
from seqdrop.stages.assemble.decision import NOTHING, Decision, reject, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.assemble.repeats import find_twins, repeat
from seqdrop.stages.duplicates import find_twin
from seqdrop.stages.notifications import RejectionMail, write_plain_report, write_report
from seqdrop.work.examination import Examination, rejection

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.errors import Rejection
    from seqdrop.ledger.table import Ledger
    from seqdrop.reads.bed import Bed
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View

REJECTS_BOTH = MISFITS | {"too_many_windows"}  # the examination of the FASTA finds these; the BED may be the cause
WITHOUT_REPORT = RejectionMail(has_report=False)


class Masks(Policy["Bed"]):
    """The policy of a FASTA and its BED. Slots are "fasta" and "bed"."""

    name, awaited = earlier_sets.MASKS, "the file that belongs to it"
    drop_again = "drop it again, and its BED before it if it has one"

    def place(self, _analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the name that both files share, and the slot of this one."""
        name = parse(upload.key)
        return name.set_name(upload.bucket), name.slot

    def read(self, services: Services, upload: Upload) -> Bed | None:
        """Read a BED; return None for a FASTA, which `decide` reads, since its examination depends on the BED."""
        from seqdrop.stages.assemble.masked_reading import read_upload  # the reconciler lacks the reads layer

        return read_upload(services, upload) if parse(upload.key).slot == BED else None

    def decide(self, view: View[Bed]) -> Decision:
        """Examine a FASTA, with its BED if that waits; let a BED wait for its FASTA.

        Do nothing for a file that waits: the validation of the other file moves it.
        """
        if view.upload.state == "WAITING":
            return NOTHING
        if view.slot == FASTA:
            return _decide_fasta(view)
        bed = view.content or self.read(view.services, view.upload)
        return _decide_bed(view, bed) if bed else NOTHING

    def awaits(self, _ledger: Ledger, _analyses: Analyses, upload: Upload) -> Awaited:
        """Return the description of the other file: the BED of a FASTA, or the FASTA of a BED."""
        name = parse(upload.key)
        partner = posixpath.basename(name.partner)
        used = f"If {partner} was used for an earlier version of this file: drop it again. Each BED is used once."
        hints = (used, "If nothing is to be filled: delete this file.")
        if name.slot == BED:
            detail = f"{name.partner} (or the same name with another ending, such as .fasta.gz)"
            return Awaited.partner("its FASTA", partner, detail, partner, *hints)
        why = f"{name.partner}: this FASTA has no run of N, so a BED has to name the intervals to fill"
        return Awaited.partner("its BED", partner, why, partner, *hints)


MASKS = Masks()


def _decide_bed(view: View[Bed], bed: Bed) -> Decision:
    """Let a BED wait. If its FASTA waits, move that to RECEIVED, so that it is read again with the BED.

    Reject the BED if its FASTA advanced without a BED, unless it repeats a BED that was used for an earlier version.
    """
    upload, fasta = view.upload, view.member(FASTA)
    if fasta and fasta.state != "WAITING" and not fasta.mate:
        if twins := find_twins(view.services, [Step(upload, "VALIDATED", _facts(bed))]):
            return Decision([repeat(Step(upload, "VALIDATED", _facts(bed)), twins)])
        remaining = view.file_set.without_member(FASTA)  # so that the next BED waits
        return reject(view.services, [upload], _explain_late(fasta), file_set=remaining, mail=WITHOUT_REPORT)
    fasta_steps = [Step(fasta, "RECEIVED")] if fasta and fasta.state == "WAITING" else []
    report = {
        "format": "bed",
        "sha256": bed.sha256,
        "stretches": len(bed.intervals),
        "records": len(list(bed.intervals.names)),
    }
    return wait(view, _facts(bed), *fasta_steps).after(partial(write_plain_report, view.services, upload, report))


def _facts(bed: Bed) -> dict[str, Fact]:
    return {"format": "bed", "sha256": bed.sha256, "records": len(bed.intervals)}


def _decide_fasta(view: View[Bed]) -> Decision:
    """Examine a FASTA, with its BED if that waits, and decide about both."""
    from seqdrop.stages.assemble.masked_reading import examine_with_bed

    fasta, bed = view.upload, view.member(BED)
    bed = bed if bed and bed.state == "WAITING" else None
    examination = examine_with_bed(view, bed)
    decision = _decide_examined(view, examination, bed)
    return decision.after(partial(write_report, view.services, fasta, examination))


def _decide_examined(view: View[Bed], examination: Examination, bed: Upload | None) -> Decision:
    """Accept or reject an examined FASTA, with its BED if there is one; let it wait if it has nothing to fill."""
    fasta, refusal = view.upload, examination.rejection
    if refusal and bed and refusal["code"] in REJECTS_BOTH:
        mates, mail = {fasta.id: bed, bed.id: fasta}, RejectionMail(has_report=False, other="its BED")
        both, reason = [fasta, bed], _explain_misfit(refusal, bed)
        return reject(view.services, both, reason, mates=mates, file_set=view.file_set, mail=mail)
    if refusal:
        return reject(view.services, [fasta], refusal)
    if not examination.items or (bed is None and _had_bed(view, examination)):
        return wait(view, examination.facts)
    (attempt,) = attempts_of(examination, fasta.key)
    steps = [Step(fasta, "VALIDATED", {**examination.facts, "mate": bed.id} if bed else examination.facts)]
    if bed:
        steps.append(Step(bed, "VALIDATED", {"mate": fasta.id, "masks_of": attempt.key}))
    return Decision(steps, [attempt], view.with_upload, enqueue=[fasta])


def _had_bed(view: View[Bed], examination: Examination) -> bool:
    """Return True if the FASTA repeats an archived one that advanced with a BED, which may be sent again as well."""
    twin = find_twin(view.services, view.upload, examination.report["sha256"])
    return twin is not None and bool(twin.mate)


def _explain_late(fasta: Upload) -> Rejection:
    message = f"{fasta.key} (upload {fasta.id}) advanced before this file arrived, and its runs of N are filled instead"
    advice = f"Drop this file again, and then {posixpath.basename(fasta.key)} again: in that order the BED is used."
    return rejection(InvalidFileError(Fault("bed_late", message, advice)))


def _explain_misfit(refusal: Rejection, bed: Upload) -> Rejection:
    message = refusal["message"]
    if refusal["code"] in MISFITS:
        message = f"{message} (line numbers are those of {posixpath.basename(bed.key)})"
    return {**refusal, "message": message, "advice": f"{refusal['advice']} Drop both again when they fit."}
