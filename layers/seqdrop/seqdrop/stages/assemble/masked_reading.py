"""Read a FASTA with masked intervals, and the BED that may name them. This module needs the reads layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def read_upload(services: Services, upload: Upload) -> Bed:
    """Read a BED in one pass. Raise InvalidFileError if it is invalid, and ObjectGoneError if it was deleted."""
    with RangedObject(services.s3, upload.version) as body:
        return read_bed(body, upload.key)


def examine_with_bed(view: View[Any], bed: Upload | None) -> Examination:
    """Return the examination of the view's FASTA. If `bed` is not None, the BED's intervals are those to fill.

    Raise MembersGoneError if the BED was deleted, and ObjectGoneError if the FASTA was.
    """
    services, upload = view.services, view.upload
    earlier = load(services.s3, services.settings.work, upload.id)
    if earlier and earlier.masks == (bed.id if bed else ""):
        return earlier
    masks = _read_masks(services, bed) if bed else None
    return examine(services.s3, services.settings.work, ExaminationRequest(upload.version, view.analysis, masks))


def _read_masks(services: Services, bed: Upload) -> BedMasks:
    try:
        return BedMasks(bed.id, read_upload(services, bed))
    except ObjectGoneError as error:
        raise MembersGoneError(bed) from error
