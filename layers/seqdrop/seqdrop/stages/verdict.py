"""What follows from an examination: an upload is accepted with its attempt, or rejected with its reason."""

from __future__ import annotations

from seqdrop.ledger.records import Upload
from seqdrop.runtime.services import Services
from seqdrop.stages.assemble.mates import has_mate, settle_mate
from seqdrop.stages.notifications import reject, report
from seqdrop.stages.routing import hand_on
from seqdrop.work.examination import Examination


def settle(services: Services, upload: Upload, examination: Examination) -> None:
    """Bring a RECEIVED upload to VALIDATED or REJECTED; a mate that comes first may have to wait."""
    if examination.rejection:
        report(services, upload, examination)
        return reject(services, upload, examination.rejection, read=True)
    if has_mate(services, upload, examination):
        return settle_mate(services, upload, examination)
    report(services, upload, examination)
    services.ledger.move(upload, "VALIDATED", *examination.attempts, **examination.facts)
    hand_on(services, services.ledger.upload(upload.id))
