"""The comparison of two mates: whether they fit, the reason if they do not, and their reports."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.kinds.plans import from_json
from seqdrop.reads.findings import Policy
from seqdrop.stages.assemble.mate_names import order_mates, parse_mate
from seqdrop.stages.duplicates import find_archived
from seqdrop.stages.notifications import write_report
from seqdrop.work import mate_digests
from seqdrop.work.examination import Examination, rejection

if TYPE_CHECKING:
    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload
    from seqdrop.report.schema import MateFacts
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View
    from seqdrop.work.mate_digests import Check

TWO_SAMPLES = ' If they are two samples and not mates, rename them, or set mates = "single" in analyses.toml.'


@dataclass(frozen=True)
class Pairing:
    """An upload and its mate with their examinations, and the result of their comparison.

    `of_mate` is None if the mate's examination has expired.
    """

    services: Services
    upload: Upload
    mate: Upload
    own: Examination
    of_mate: Examination | None
    check: Check

    @property
    def ordered(self) -> tuple[Upload, Upload]:
        """The two uploads, mate 1 first."""
        return order_mates(self.upload, self.mate)

    def explain_refusal(self) -> Rejection:
        """Return the reason why they do not fit, as `reasons/<upload id>.json` holds it."""
        faults = [self._explain(fault) for fault in self.check.faults]
        counts = {fault.code: sum(other.code == fault.code for other in faults) for fault in faults}
        return rejection(InvalidFileError(faults[0], faults, counts))

    def _explain(self, fault: Fault) -> Fault:
        """Return the fault with the names of both files added to its message, and the files to drop to its advice."""
        first, second = (posixpath.basename(upload.key) for upload in self.ordered)
        if self.mate.state == "WAITING":
            advice = f"{fault.advice} Drop both again."
        else:
            advice = f"{fault.advice} {self.mate.key} was accepted before; drop only this file again."
        if not parse_mate(self.upload).sure:
            advice += TWO_SAMPLES
        return replace(fault, message=f"{fault.message} (first: {first}, second: {second})", advice=advice)

    def write_reports(self) -> None:
        """Write the upload's report. If the mate fits, write its report again, so that it names this upload."""
        _write_report(self.services, self.upload, self.own, self._describe(self.mate))
        if not self.check.faults and self.of_mate:
            _write_report(self.services, self.mate, self.of_mate, self._describe(self.upload))

    def _describe(self, other: Upload) -> MateFacts:
        """Return the entry of a report that describes the other mate."""
        faults = [fault.code for fault in self.check.faults]
        note = "that is the mate of an earlier version of this file" if faults else self.check.note
        return {"key": other.key, "upload": other.id, "checked": self.check.checked, "faults": faults, "note": note}


def compare(view: View[Examination], mate: Upload, own: Examination, of_mate: Examination | None) -> Pairing:
    """Compare the read names of an upload and its mate, with the severities of the upload's analysis."""
    s3, work = view.services.s3, view.services.settings.work
    ordered, severities = order_mates(view.upload, mate), Policy(from_json(own.plan).severity)
    counts = {view.upload.id: own.report["records"], mate.id: mate.records}
    check = mate_digests.check_empty(counts[ordered[0].id], counts[ordered[1].id], severities)
    if check is None:
        first, second = (mate_digests.load(s3, work, upload.id) for upload in ordered)
        check = mate_digests.check(first, second, parse_mate(view.upload).sure, severities)
    return Pairing(view.services, view.upload, mate, own, of_mate, check)


def report_unpaired(services: Services, upload: Upload, own: Examination) -> None:
    """Write the report of an upload that was not compared with a mate."""
    note = "not checked: it was not there when this file was validated"
    mate: MateFacts = {
        "key": parse_mate(upload).partner,
        "upload": None,
        "checked": False,
        "faults": [],
        "note": note,
    }
    _write_report(services, upload, own, mate)


def _write_report(services: Services, upload: Upload, examination: Examination, mate: MateFacts) -> None:
    archived = find_archived(services, upload, examination.report["sha256"])
    write_report(services, upload, examination, archived, mate)
