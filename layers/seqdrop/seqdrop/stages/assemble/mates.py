"""R1 and R2 are separate uploads, in any order. Each is examined alone; the second is compared with the first.

With `mates = "wait"` in analyses.toml the first waits in its slot, and both advance together. With "check" each
advances as soon as it is valid, and only the second can be rejected because of its mate.
"""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING

from seqdrop.companions.mates import parse
from seqdrop.config.analyses import CHECK, SINGLE, WAIT, Analyses, Analysis
from seqdrop.kinds.plans import attempts_of
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.records import Step, Upload
from seqdrop.stages.assemble.decision import NOTHING, Decision, reject, wait
from seqdrop.stages.assemble.mate_names import parse_mate
from seqdrop.stages.assemble.policy import Awaited, Policy
from seqdrop.stages.notifications import write_report
from seqdrop.work.examination import Examination, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.ledger.table import Ledger
    from seqdrop.stages.assemble.pairing import Pairing
    from seqdrop.stages.assemble.view import View

HINT_ON_SINGLE = (
    'If these are single-end reads: set mates = "single" for this prefix in analyses.toml and deploy; files that wait '
    "then advance. Or drop the file again under a name without a mate's number, and delete this one."
)


class Mates(Policy[Examination]):
    """The policy of R1 and R2. Slots are the numbers of the mates.

    The fact `settled` lists the two uploads that last advanced together.
    """

    name, awaited, after_examination, each_alone = earlier_sets.MATES, "the mate", True, True

    def claims(self, analyses: Analyses, upload: Upload) -> bool:
        """Return True if the upload has the name of a mate, and `mates` is not "single" for its prefix.

        An upload that waits is claimed even if a deployment has changed `mates` to "single": it then advances alone.
        """
        name = parse(upload.key)
        return bool(name and name.is_mate) and (analyses.mates_of(upload.key) != SINGLE or upload.state == "WAITING")

    def place(self, _analyses: Analyses, upload: Upload) -> tuple[str, str]:
        """Return the name that both mates share, and the number of this one."""
        name = parse_mate(upload)
        return f"{upload.bucket}/{name.pair}", str(name.number)

    def keeps_late(self, view: View[Examination]) -> bool:
        """Return True if the upload does not wait for a mate, or is not a mate."""
        return _mode(view) != WAIT or (view.content is not None and not _is_mate(view, view.content))

    def decide(self, view: View[Examination]) -> Decision:
        """Compare the upload with its mate if that has arrived; otherwise let it wait, or advance alone."""
        upload, mate = view.upload, _find_mate(view)
        if upload.state == "WAITING" and _mode(view) == WAIT:
            if view.file_set.members.get(view.slot) != upload.id:  # an earlier version gave its pair another name
                return Decision([Step(upload, "RECEIVED")])
            if mate is None:
                return NOTHING
        own = view.content or _load_examination(view, upload)
        if own is None:  # it expired while the upload waited
            return Decision([Step(upload, "RECEIVED")])
        of_mate = _load_examination(view, mate) if mate else None
        if mate and mate.state == "WAITING" and of_mate is None:
            return Decision([Step(mate, "RECEIVED")], again=True)
        if not _is_mate(view, own):
            return Decision(
                _validate(view, own),
                attempts_of(own, upload.key),
                before=partial(write_report, view.services, upload, own),
            )
        from seqdrop.stages.assemble.pairing import compare, report_unpaired  # the reconciler lacks the reads layer

        if mate is None or view.is_late:
            return _advance_alone(view, own, partial(report_unpaired, view.services, upload, own))
        return _decide_pair(view, compare(view, mate, own, of_mate))

    def hours(self, analysis: Analysis) -> float | None:
        """Return `mate_hours`; None if files do not wait for their mates."""
        return analysis.mate_hours if analysis.mates == WAIT else None

    def awaits(self, _ledger: Ledger, _analyses: Analyses, upload: Upload) -> Awaited:
        """Return the description of the other mate."""
        partner = parse_mate(upload).partner
        name = posixpath.basename(partner)
        return Awaited.partner("its mate", f"its mate {name}", f"its mate, {partner}", name, HINT_ON_SINGLE)


MATES = Mates()


def _mode(view: View[Examination]) -> str:
    """Return "wait", "check" or "single", the `mates` of the upload's prefix.

    For an upload that a replay reads again, "wait" becomes "check": it advanced before, so it does not wait again.
    """
    mode = view.services.analyses.mates_of(view.upload.key)
    return CHECK if view.upload.read_for > 1 and mode != SINGLE else mode


def _find_mate(view: View[Examination]) -> Upload | None:
    """Return the mate in the other slot, or for a replay the mate with which the upload advanced; None without one."""
    if _mode(view) == SINGLE:
        return None
    if view.upload.read_for > 1:
        return view.other(view.upload.mate)
    return view.member(str(3 - int(view.slot)))


def _load_examination(view: View[Examination], upload: Upload) -> Examination | None:
    """Return an upload's examination from the work bucket; None if it has expired while the upload waited."""
    return load(view.services.s3, view.services.settings.work, upload.id, upload.read_for)


def _is_mate(view: View[Examination], own: Examination) -> bool:
    """Return True if the content of the file does not contradict its name.

    A FASTA has no mate. The number in a weak name (`sample_1`) means nothing if the file holds both mates, interleaved.
    """
    return own.report["format"] == "fastq" and (parse_mate(view.upload).sure or not own.report["interleaved"])


def _decide_pair(view: View[Examination], pair: Pairing) -> Decision:
    """Advance an upload with the mate that it was compared with, or reject it, or both."""
    upload, mate, own = view.upload, pair.mate, pair.own
    waiting = [mate] if mate.state == "WAITING" else []
    if not pair.check.faults:
        steps = _validate(view, own, mate.id)
        steps += [Step(waiting_mate, "VALIDATED", {"mate": upload.id}) for waiting_mate in waiting]
        attempts = attempts_of(own, upload.key)
        attempts += attempts_of(pair.of_mate, mate.key) if waiting and pair.of_mate else []
        file_set = view.with_upload.with_facts(settled=[upload.id, mate.id])
        return Decision(steps, attempts, file_set, before=pair.write_reports)
    if waiting or not _advanced_with_another(view, mate):
        uploads = pair.ordered if waiting else (upload,)
        return reject(view.services, uploads, pair.explain_refusal(), mates={upload.id: mate, mate.id: upload})
    return _advance_alone(view, own, pair.write_reports)


def _advance_alone(view: View[Examination], own: Examination, write_reports: Callable[[], object]) -> Decision:
    """Let an upload wait for its mate, or validate it without one."""
    if _mode(view) == WAIT:
        return wait(view, own.facts).after(write_reports)
    file_set = None if view.is_late else view.with_upload
    return Decision(_validate(view, own), attempts_of(own, view.upload.key), file_set, before=write_reports)


def _validate(view: View[Examination], own: Examination, mate: str = "") -> list[Step[Upload]]:
    facts = {**own.facts, "mate": mate} if mate else own.facts
    return [Step(view.upload, "VALIDATED", facts)]


def _advanced_with_another(view: View[Examination], mate: Upload) -> bool:
    """Return True if the mate advanced with an earlier version of this file.

    A new version is not rejected because it does not fit such a mate: if a run is dropped again, the mate has a new
    version as well, which may not have arrived yet.
    """
    pair = view.file_set.texts("settled")
    return view.upload.id not in pair if mate.id in pair else mate.mate not in ("", view.upload.id)
