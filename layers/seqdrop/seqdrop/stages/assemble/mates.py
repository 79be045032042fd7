"""R1 and R2 are uploads of their own, in any order. Each is examined alone; the second is compared with the first.

With `mates = "wait"` in analyses.toml the first waits in its slot, and both advance together. With "check" each
advances at once, and only the second can be rejected for its mate.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from seqdrop.companions.mates import parse
from seqdrop.config.analyses import CHECK, SINGLE, WAIT, Analyses, Analysis
from seqdrop.kinds.plans import attempts_of
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.records import Step, Upload
from seqdrop.stages.assemble.decision import NOTHING, Decision, reject, wait
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.notifications import report
from seqdrop.work.examination import Examination, load

if TYPE_CHECKING:
    from seqdrop.ledger.table import Ledger
    from seqdrop.stages.assemble.pairing import Pairing
    from seqdrop.stages.assemble.view import View


class Mates(Policy):
    """Slots are the numbers of the mates; the fact `settled` lists the two that last advanced together."""

    name, awaited, after_examination = earlier_sets.MATES, "the mate", True

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        """One that waits is claimed even if names mean no mates any more: so it advances, alone."""
        name = parse(upload.key)
        return bool(name and name.is_mate) and (analyses.mates_of(upload.key) != SINGLE or upload.state == "WAITING")

    def place(self, analyses: Analyses, upload: Upload) -> tuple[str, str]:
        name = parse(upload.key)
        return f"{upload.bucket}/{name.pair}", str(name.number)

    def keeps_late(self, view: View) -> bool:
        return _mode(view) != WAIT or (view.content is not None and not _is_mate(view, view.content))

    def decide(self, view: View) -> Decision:
        upload, mate = view.upload, _mate(view)
        if upload.state == "WAITING" and mate is None and _mode(view) == WAIT:
            return NOTHING
        own, of_mate = view.content or _examination(view, upload), _examination(view, mate) if mate else None
        mate_expired = of_mate is None and mate is not None and mate.state == "WAITING"
        if own is None or mate_expired:
            return Decision([Step(mate if own else upload, "RECEIVED")], again=own is not None)
        if not _is_mate(view, own):
            return Decision(_validated(view, own), attempts_of(own), before=lambda: report(view.services, upload, own))
        from seqdrop.stages.assemble.pairing import compared  # not all that ask a policy have the reads layer

        return _decide(view, compared(view, mate, own, of_mate))

    def hours(self, analysis: Analysis) -> float | None:
        return analysis.mate_hours if analysis.mates == WAIT else None

    def awaits(self, ledger: Ledger, analyses: Analyses, upload: Upload) -> Awaited:
        partner = parse(upload.key).partner
        single = (
            'Are these single-end reads? Set mates = "single" for this prefix in analyses.toml and deploy; what waits\n'
            "  then goes on. Or drop the file again under a name without a mate's number, and delete this one."
        )
        name = posixpath.basename(partner)
        return Awaited.partner("its mate", f"its mate {name}", f"its mate, {partner}", name, single)


MATES = Mates()


def _mode(view: View) -> str:
    """ "wait", "check" or "single". A replay reads a file that advanced before, so it does not wait for its mate."""
    mode = view.services.analyses.mates_of(view.upload.key)
    return CHECK if view.upload.read_for > 1 and mode != SINGLE else mode


def _mate(view: View) -> Upload | None:
    """The mate that is there; for a replay, the one that the upload advanced with."""
    if _mode(view) == SINGLE:
        return None
    if view.upload.read_for > 1:
        return view.other(view.upload.mate)
    return view.member(str(3 - int(view.slot)))


def _examination(view: View, upload: Upload) -> Examination | None:
    """What the pass over an upload left in the work bucket; None if that has expired while the upload waited."""
    return load(view.services.s3, view.services.settings.work, upload.id, upload.read_for)


def _is_mate(view: View, own: Examination) -> bool:
    """A weak name (`sample_1`) of a file that holds both mates, interleaved, is a number and no more."""
    return own.report["format"] == "fastq" and (parse(view.upload.key).sure or not own.report["interleaved"])


def _decide(view: View, pair: Pairing) -> Decision:
    upload, mate, own = view.upload, pair.mate, pair.own
    waiting = [mate] if mate and mate.state == "WAITING" else []
    if pair.fits:
        steps = _validated(view, own, mate=mate.id) + [Step(one, "VALIDATED", {"mate": upload.id}) for one in waiting]
        attempts = attempts_of(own) + (attempts_of(pair.of_mate) if waiting else [])
        file_set = view.with_upload.with_facts(settled=[upload.id, mate.id])
        return Decision(steps, attempts, file_set, before=pair.write_reports)
    if pair.check and (waiting or not _advanced_with_another(view, mate)):
        uploads, mates = pair.ordered if waiting else [upload], {upload.id: mate, mate.id: upload}
        return reject(view.services, uploads, pair.refusal(), mates=mates)
    if _mode(view) == WAIT:
        return wait(view, own.facts).after(pair.write_reports)
    file_set = None if view.is_late else view.with_upload
    return Decision(_validated(view, own), attempts_of(own), file_set, before=pair.write_reports)


def _validated(view: View, own: Examination, **facts: str) -> list[Step]:
    return [Step(view.upload, "VALIDATED", own.facts | facts)]


def _advanced_with_another(view: View, mate: Upload) -> bool:
    """Whether the mate advanced with an earlier version of this file: then it says nothing against the new one, since a
    run that is dropped again has a new mate as well, which may still be on its way.
    """
    settled = view.file_set.fact("settled")
    return view.upload.id not in settled if mate.id in settled else mate.mate not in ("", view.upload.id)
