"""What one look at the ledger shows of an upload and its mate, and what follows from that. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.companions.mates import MateName, parse
from seqdrop.config.analyses import CHECK, SINGLE, WAIT
from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.earlier_sets import MATES
from seqdrop.ledger.records import Upload
from seqdrop.runtime.services import Services
from seqdrop.work.mate_digests import Check

LIVE = frozenset({"WAITING", "VALIDATED", "ARCHIVED"})  # a rejected or deleted file is nobody's mate


@dataclass(frozen=True)
class Meeting:
    """`mate` holds the other seat of the pair, `before` is who held the upload's own; None where nobody counts."""

    upload: Upload
    name: MateName
    mode: str  # of the analysis as it is deployed now, so that a change frees what waits
    pair: FileSet
    mate: Upload | None
    before: Upload | None

    @property
    def late(self) -> bool:
        """Whether a newer version of the same file has the seat."""
        before = self.before
        return bool(before and before.key == self.upload.key and before.version.order > self.upload.version.order)

    @property
    def first_and_second(self) -> tuple[Upload, Upload]:
        """The two, mate 1 first."""
        return (self.upload, self.mate) if self.name.number == 1 else (self.mate, self.upload)

    @property
    def mate_waits(self) -> bool:
        return self.mate is not None and self.mate.state == "WAITING"

    @property
    def nothing_new(self) -> bool:
        return self.upload.state == "WAITING" and self.mode == WAIT and self.mate is None

    def target(self, check: Check | None) -> str:
        """Where the upload goes, by what came of the check (None: there is no mate to check it with).

        If the mate waits, both go there. A mate that was settled with an earlier version of this file says nothing
        against the new one: a run that is dropped again has a new mate, too, which may be on its way.
        """
        if check and not check.faults:
            return "VALIDATED"
        if check and (self.mate_waits or not self._mate_was_settled):
            return "REJECTED"
        return "WAITING" if self.mode == WAIT else "VALIDATED"

    @property
    def _mate_was_settled(self) -> bool:
        """With another than this upload."""
        if self.mate.id in self.pair.fact("settled"):
            return self.upload.id not in self.pair.fact("settled")
        return self.mate.mate not in ("", self.upload.id)


def look(services: Services, upload: Upload) -> Meeting:
    """Read the pair, then who sits there: a seat taken later than that makes the write that follows fail."""
    name = parse(upload.key)
    mode = services.analyses.mates_of(upload.key)
    pair = services.ledger.file_set(MATES, f"{upload.bucket}/{name.pair}")
    before, mate = (
        _who(services, pair.members.get(str(number), ""), upload) for number in (name.number, 3 - name.number)
    )
    if upload.read_for > 1 and mode != SINGLE:  # it was settled before, with this mate, and need not wait again
        mode, mate = CHECK, _who(services, upload.mate, upload)
    return Meeting(upload, name, mode, pair, mate if mode != SINGLE else None, before)


def _who(services: Services, upload_id: str, upload: Upload) -> Upload | None:
    found = services.ledger.upload(upload_id) if upload_id and upload_id != upload.id else None
    return found if found and found.state in LIVE else None
