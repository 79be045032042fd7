"""Reading a FASTA with masks, and the BED that may name them. Needs the reads layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.companions.bed_masks import BedMasks
from seqdrop.errors import ObjectGoneError
from seqdrop.reads.bed import Bed, read_bed
from seqdrop.stages.assemble.view import MembersGoneError, View
from seqdrop.work.examination import Examination, load
from seqdrop.work.examine import ExaminationRequest, examine

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def bed_of(services: Services, upload: Upload) -> Bed:
    """Read a BED in one pass. Raise InvalidFileError, ObjectGoneError."""
    with RangedObject(services.s3, upload.version) as body:
        return read_bed(body, upload.key)


def examined(view: View, bed: Upload | None) -> Examination:
    """Return what a pass over the FASTA finds if that BED says what to fill. Raise MembersGoneError if the BED
    was deleted,
    ObjectGoneError if the FASTA was.
    """
    services, upload = view.services, view.upload
    found = load(services.s3, services.settings.work, upload.id)
    if found and found.masks == (bed.id if bed else ""):
        return found
    try:
        masks = BedMasks(bed.id, bed_of(services, bed)) if bed else None
    except ObjectGoneError as error:
        raise MembersGoneError(bed) from error
    request = ExaminationRequest(upload.version, view.analysis, masks)
    return examine(services.s3, services.settings.work, request)
