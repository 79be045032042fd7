"""Visit every archived upload once, some in each run of the reconciler, at a position that the ledger keeps."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, minutes_ago

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.ledger.records import Upload

FILES = "archived files"  # name of the position of `record_files`
MAX_FILES = 500  # uploads in one run of `record_files`


def visit_archived(services: Services, name: str, most: int, visit: Callable[[Upload], bool]) -> int:
    """Call `visit` with the uploads that were archived since the last run; return how often it returned True.

    At most `most` uploads are visited. The next run continues after them, at the position `name`. Uploads archived
    within the last `stale_minutes` are left for a later run, because the index may lack some of them.
    """
    position = services.ledger.position(name)
    after, before = position.place.get("after", "0"), minutes_ago(services.settings.stale_minutes)
    if after >= before:
        return 0
    last, count = after, 0
    for upload in islice(services.ledger.in_state(UPLOAD, "ARCHIVED", before, after), most):
        last = upload.moved_at
        count += visit(upload)
    if last != after:
        services.ledger.save(replace(position, place={"after": last}))
    return count


def record_files(services: Services) -> dict[str, int]:
    """Write the records of archived files that earlier versions did not write, and log their number.

    If several uploads have the same file, the record names the first. Return no count, because each is a metric that
    costs money for ever, and this work ends.
    """

    def record(upload: Upload) -> bool:
        file = services.ledger.archived_file(ArchivedFile.of(upload))
        if file.revision or not upload.sha256:
            return False
        return services.ledger.save(file.with_upload(upload.id, upload.expires_at))

    if count := visit_archived(services, FILES, MAX_FILES, record):
        logger().info("recorded archived files", extra={"files": count})
    return {}
