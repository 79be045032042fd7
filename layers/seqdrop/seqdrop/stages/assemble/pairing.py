"""Two mates beside each other: whether they fit, the reason why not, and what their reports say of it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace

from seqdrop.companions.mates import parse
from seqdrop.errors import Fault, InvalidFile
from seqdrop.kinds.plans import attempts_of, from_json
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.reads.findings import Policy
from seqdrop.runtime.services import Services
from seqdrop.stages.assemble.view import View
from seqdrop.stages.notifications import report
from seqdrop.work import mate_digests
from seqdrop.work.examination import Examination, rejection
from seqdrop.work.mate_digests import Check

TWO_SAMPLES = ' If they are two samples and no mates, name them otherwise, or set mates = "single" in analyses.toml.'


def compare(view: View, mate: Upload, own: Examination) -> Check:
    """Compare the read names of an upload and its mate, by the severities of the upload's analysis."""
    services, name = view.services, parse(view.upload.key)
    pair = _ordered(view.upload, mate)
    digests = [mate_digests.load(services.s3, services.settings.work, upload.id) for upload in pair]
    return mate_digests.check(*digests, name.sure, Policy(from_json(own.plan).severity))


@dataclass(frozen=True)
class Pairing:
    """An upload and its mate with their examinations; `check` is None if there is no mate to compare with."""

    services: Services
    upload: Upload
    mate: Upload | None
    check: Check | None
    own: Examination
    of_mate: Examination | None

    @property
    def fits(self) -> bool:
        return self.check is not None and not self.check.faults

    @property
    def mate_waits(self) -> bool:
        return self.mate is not None and self.mate.state == "WAITING"

    @property
    def steps_of_mate(self) -> list[Step]:
        """The move of a mate that waited for the upload."""
        return [Step(self.mate, "VALIDATED", {"mate": self.upload.id})] if self.mate_waits else []

    @property
    def attempts(self) -> list[Attempt]:
        return attempts_of(self.own) + (attempts_of(self.of_mate) if self.mate_waits else [])

    @property
    def mates(self) -> dict[str, Upload]:
        """Upload id → the other of the two."""
        return {self.upload.id: self.mate, self.mate.id: self.upload}

    @property
    def rejected(self) -> list[Upload]:
        """Who is rejected if they do not fit: the upload, and its mate if that waits; mate 1 first."""
        return [one for one in _ordered(self.upload, self.mate) if one is self.upload or self.mate_waits]

    @property
    def refusal(self) -> dict:
        """Why they do not fit, as reasons/ has it."""
        faults = [self._explained(fault) for fault in self.check.faults]
        counts = {fault.code: sum(other.code == fault.code for other in faults) for fault in faults}
        return rejection(InvalidFile(faults[0], faults, counts))

    def _explained(self, fault: Fault) -> Fault:
        """The fault with the files by name, and what to drop once they are mended."""
        first, second = (posixpath.basename(upload.key) for upload in _ordered(self.upload, self.mate))
        again = "Drop both again." if self.mate_waits else f"{self.mate.key} was accepted before; drop this one again."
        advice = f"{fault.advice} {again}" + ("" if parse(self.upload.key).sure else TWO_SAMPLES)
        return replace(fault, message=f"{fault.message} (first: {first}, second: {second})", advice=advice)

    def write_reports(self) -> None:
        """Write the upload's report, and anew that of a mate that fits, which could not mention this file yet."""
        report(self.services, self.upload, self.own, self._entry(parse(self.upload.key).partner, self.mate))
        if self.fits and self.of_mate:
            report(self.services, self.mate, self.of_mate, self._entry("", self.upload))

    def _entry(self, key: str, other: Upload | None) -> dict:
        """What a report says of the other mate; `key` is its name if it is not there."""
        if other is None or self.check is None:
            note = "not checked: it was not there when this file was validated"
            return {"key": key, "upload": None, "checked": False, "faults": [], "note": note}
        faults = [fault.code for fault in self.check.faults]
        note = "that is the mate of an earlier version of this file" if faults else self.check.note
        return {"key": other.key, "upload": other.id, "checked": self.check.checked, "faults": faults, "note": note}


def _ordered(upload: Upload, mate: Upload) -> tuple[Upload, Upload]:
    """The two, mate 1 first."""
    return (upload, mate) if parse(upload.key).number == 1 else (mate, upload)
