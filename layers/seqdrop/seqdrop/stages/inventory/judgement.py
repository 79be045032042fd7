"""A closer look at the keys that do not agree: by receipts, and by one more request for what would be reported.

An inventory may lack the last writes and deletions, so nothing is reported that S3 denies now.
"""

from __future__ import annotations

import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from botocore.exceptions import ClientError

from seqdrop.archive.claims import digest
from seqdrop.archive.findings import ORPHAN, PHANTOM, judge_copy, make_orphan
from seqdrop.archive.inventory import to_milliseconds
from seqdrop.archive.location import locate
from seqdrop.aws.errors import is_missing
from seqdrop.ledger.moves import ENDS, UPLOAD
from seqdrop.stages.archive.receipts import read_receipt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from seqdrop.archive.claims import Comparison
    from seqdrop.archive.findings import Finding
    from seqdrop.archive.inventory import Entry
    from seqdrop.archive.location import Location
    from seqdrop.archive.receipt import Receipt
    from seqdrop.runtime.services import Services

WORKERS = 16
MOST = 100_000  # keys that are looked at; the report says how many were not
UPLOAD_ID = re.compile(r"[A-Z2-7]{26}")


def judge(
    services: Services, comparison: Comparison, claims: NDArray[np.void], entries: Iterable[Entry], created: int
) -> tuple[list[Finding], int]:
    """Return the findings, and the number of keys that were left out because there were too many."""
    wanted = np.concatenate((comparison.doubtful, comparison.strays, comparison.bundles))
    chosen = {int(key) for key in wanted[:MOST]}
    listed = _select(entries, chosen)
    uploads = _select_uploads(claims, chosen)
    strays = {int(key) for key in comparison.strays} & chosen

    def look(key: int) -> list[Finding]:
        if key in strays:
            return _judge_strays(services, listed[key], created)
        return _judge_claimed(services, uploads[key], listed.get(key, []))

    with ThreadPoolExecutor(WORKERS) as pool:
        findings = [finding for group in pool.map(look, sorted(chosen)) for finding in group]
    return sorted(findings, key=lambda finding: (finding.kind, finding.key, finding.version_id)), len(wanted) - len(
        chosen
    )


def _select(entries: Iterable[Entry], chosen: set[int]) -> dict[int, list[Entry]]:
    listed: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries if chosen else ():
        if (key := digest(entry.key)) in chosen:
            listed[key].append(entry)
    return listed


def _select_uploads(claims: NDArray[np.void], chosen: set[int]) -> dict[int, list[str]]:
    uploads: dict[int, list[str]] = defaultdict(list)
    rows = claims[np.isin(claims["key"], np.fromiter(chosen, np.uint64, len(chosen)))]
    for key, upload in zip(rows["key"], rows["upload"], strict=True):
        if (name := upload.decode()) not in uploads[int(key)]:
            uploads[int(key)].append(name)
    return uploads


def _judge_claimed(services: Services, uploads: list[str], entries: list[Entry]) -> list[Finding]:
    """Return the findings about an object that the ledger names; its receipt decides."""
    receipt = read_receipt(services.s3, services.settings.results, uploads[0])
    if receipt is None:
        return []  # the reconciler has the receipt written again, or mails that the copy is gone
    findings = judge_copy(locate(receipt), uploads, entries)
    return [finding for finding in findings if _is_true(services, finding)]


def _judge_strays(services: Services, entries: list[Entry], created: int) -> list[Finding]:
    """Return the findings about an object that the ledger does not name: its upload may be open, or expired."""
    key = entries[0].key
    for upload_id in UPLOAD_ID.findall(key):
        upload = services.ledger.find_upload(upload_id)
        if upload and (upload.state not in ENDS[UPLOAD] or to_milliseconds(upload.moved_at) > created):
            return []
        if upload and upload.state != "ARCHIVED":
            continue  # whatever its receipt says, the file is not kept any more
        receipt = read_receipt(services.s3, services.settings.results, upload_id)
        if receipt and (copy := _name_copy(receipt, key)):
            findings = judge_copy(copy, [upload_id], entries)
            return [finding for finding in findings if _is_true(services, finding)]
    return [finding for finding in map(make_orphan, entries) if _is_true(services, finding)]


def _name_copy(receipt: Receipt, key: str) -> Location | None:
    copy = locate(receipt)
    return copy if copy.key == key else None


def _is_true(services: Services, finding: Finding) -> bool:
    """Return False if S3 denies a finding now: a phantom exists after all, or an orphan was deleted meanwhile."""
    if finding.problem == "marker" or finding.kind not in (PHANTOM, ORPHAN):
        return True
    exists = _exists(services, finding)
    return not exists if finding.kind == PHANTOM else exists


def _exists(services: Services, finding: Finding) -> bool:
    version = {"VersionId": finding.version_id} if finding.version_id else {}
    try:
        services.s3.head_object(Bucket=services.settings.archive, Key=finding.key, **version)  # type: ignore[arg-type]
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True
