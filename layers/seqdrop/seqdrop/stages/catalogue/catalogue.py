"""Derive rows and features of an upload, or of a run, from the facts in the results bucket.

Events only say about what; everything is read anew. So a repeated, late or reordered event changes nothing, and a
lost one is made good by the next event of the upload, or by `seqdrop catalogue backfill`, which lists the bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.runtime.log import logger

if TYPE_CHECKING:
    from seqdrop.runtime.events import Derivable
    from seqdrop.runtime.services import Services

ON = "true"


def catalogue(services: Services, about: Derivable) -> None:
    """Derive everything that the stack wants about an upload or a run.

    An upload without a record has expired from the ledger: its rows stay as they are.
    """
    if about.upload and not services.ledger.find_upload(about.upload):
        logger().info("no record of this upload", extra={"upload_id": about.upload})
