"""Derive rows and features of an upload, or of a run, from the facts in the results bucket.

Events only say about what; everything is read anew. So a repeated, late or reordered event changes nothing, and a
lost one is made good by the next event of the upload, or by `seqdrop catalogue backfill`, which lists the bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.runtime.events import Derivable
from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

ON = "true"


def catalogue(services: Services, about: Derivable) -> None:
    """Derive everything that the stack wants about an upload or a run.

    An upload without a record has expired from the ledger: its rows stay as they are.
    """
    if about.run_report:
        derive_run(services, about.run_report)
    elif upload := services.ledger.find_upload(about.upload):
        derive_upload(services, upload)
    else:
        logger().info("the ledger has no record of this upload", extra={"upload_id": about.upload})


def derive_upload(services: Services, upload: Upload) -> None:
    """Derive the rows of an upload, if the stack has a catalogue, and its features, if it has feature groups."""
    if services.settings.catalogue == ON:
        from seqdrop.stages.catalogue.rows import write_upload_rows  # with features alone, no rows are written

        write_upload_rows(services, upload)
    if services.settings.features:
        from seqdrop.stages.catalogue.features import write_features  # as above

        write_features(services, upload)


def derive_run(services: Services, key: str) -> None:
    """Derive the rows of a run's samples, and those of its rejected files, which may have no project yet."""
    if services.settings.catalogue != ON:
        return
    from seqdrop.stages.catalogue.rows import write_sample_rows

    for upload_id in write_sample_rows(services, key):
        catalogue(services, Derivable(upload=upload_id))
