"""Two mates beside each other: whether they fit, the reason why not, and what their reports say of it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.companions.mates import parse
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.kinds.plans import from_json
from seqdrop.reads.findings import Policy
from seqdrop.stages.notifications import report
from seqdrop.work import mate_digests
from seqdrop.work.examination import Examination, rejection

if TYPE_CHECKING:
    from seqdrop.errors import Rejection
    from seqdrop.ledger.records import Upload
    from seqdrop.report.schema import MateFacts
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.view import View
    from seqdrop.work.mate_digests import Check

TWO_SAMPLES = ' If they are two samples and no mates, name them otherwise, or set mates = "single" in analyses.toml.'


@dataclass(frozen=True)
class Pairing:
    """An upload and its mate with their examinations; `check` is None if there is no mate to compare with."""

    services: Services
    upload: Upload
    mate: Upload | None
    own: Examination
    of_mate: Examination | None
    check: Check | None = None

    @property
    def fits(self) -> bool:
        return self.check is not None and not self.check.faults

    @property
    def ordered(self) -> tuple[Upload, Upload]:
        """The two, mate 1 first."""
        return (self.upload, self.mate) if parse(self.upload.key).number == 1 else (self.mate, self.upload)

    def compare(self) -> Check:
        """Compare the read names of the two, by the severities of the upload's analysis."""
        s3, work = self.services.s3, self.services.settings.work
        digests = [mate_digests.load(s3, work, upload.id) for upload in self.ordered]
        policy = Policy(from_json(self.own.plan).severity)
        return mate_digests.check(*digests, parse(self.upload.key).sure, policy)

    def refusal(self) -> Rejection:
        """Return why they do not fit, as reasons/ has it."""
        faults = [self._explained(fault) for fault in self.check.faults]
        counts = {fault.code: sum(other.code == fault.code for other in faults) for fault in faults}
        return rejection(InvalidFileError(faults[0], faults, counts))

    def _explained(self, fault: Fault) -> Fault:
        """The fault with the files by name, and what to drop once they are mended."""
        first, second = (posixpath.basename(upload.key) for upload in self.ordered)
        accepted = f"{self.mate.key} was accepted before; drop this one again."
        again = "Drop both again." if self.mate.state == "WAITING" else accepted
        advice = f"{fault.advice} {again}" + ("" if parse(self.upload.key).sure else TWO_SAMPLES)
        return replace(fault, message=f"{fault.message} (first: {first}, second: {second})", advice=advice)

    def write_reports(self) -> None:
        """Write the upload's report, and anew that of a mate that fits, which could not mention this file yet."""
        report(self.services, self.upload, self.own, self._entry(parse(self.upload.key).partner, self.mate))
        if self.fits and self.of_mate:
            report(self.services, self.mate, self.of_mate, self._entry("", self.upload))

    def _entry(self, key: str, other: Upload | None) -> MateFacts:
        """What a report says of the other mate; `key` is its name if it is not there."""
        if other is None or self.check is None:
            note = "not checked: it was not there when this file was validated"
            return {"key": key, "upload": None, "checked": False, "faults": [], "note": note}
        faults = [fault.code for fault in self.check.faults]
        note = "that is the mate of an earlier version of this file" if faults else self.check.note
        return {"key": other.key, "upload": other.id, "checked": self.check.checked, "faults": faults, "note": note}


def compared(view: View, mate: Upload | None, own: Examination, of_mate: Examination | None) -> Pairing:
    """Return an upload beside its mate; a version that comes too late for its slot is not compared."""
    pair = Pairing(view.services, view.upload, mate, own, of_mate)
    return replace(pair, check=pair.compare()) if mate and not view.is_late else pair
