"""Reconcile the archive: compare an inventory with the ledger, write the report, and mail its findings once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seqdrop.archive.claims import compare, pack_entries
from seqdrop.errors import RetryableError
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import iso
from seqdrop.stages.inventory import report
from seqdrop.stages.inventory.judgement import judge
from seqdrop.stages.inventory.listing import load_manifest, manifest_of, read_all
from seqdrop.stages.inventory.portions import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seqdrop.archive.findings import Finding
    from seqdrop.archive.inventory import Manifest
    from seqdrop.runtime.services import Services

POSITION = "inventory"  # in the ledger: the last inventory that was reported
REPORTED, MAILING = "reported", "mailing"
LATEST = "9"  # after every time: files archived after the inventory explain objects that it lists already


def reconcile_inventory(
    services: Services, checksum_key: str, has_time: Callable[[], bool] = lambda: True
) -> dict[str, int] | None:
    """Report on the inventory that a new manifest.checksum completes.

    Return the number of findings by kind. It is empty if this inventory, or a later one, was reported before. Return
    None if time ran out: the same call continues later.
    """
    manifest = load_manifest(services, checksum_key)
    created_at = iso(datetime.fromtimestamp(manifest.created / 1000, UTC))
    if services.ledger.position(POSITION).place.get(REPORTED, "") >= created_at:
        return {}
    claims = collect(services, _name(checksum_key), LATEST, has_time)
    if claims is None:
        return None
    summary, findings = _compare(services, checksum_key, created_at, manifest, claims)
    counts = report.write_report(services, _date(created_at), summary, findings)
    _mail_once(services, created_at, summary, findings)
    logger().info("inventory reconciled", extra={**counts, "files": summary.files, "versions": summary.versions})
    return counts


def _compare(
    services: Services, checksum_key: str, created_at: str, manifest: Manifest, claims: NDArray[np.void]
) -> tuple[report.Summary, list[Finding]]:
    entries = pack_entries(read_all(services, manifest))
    comparison = compare(entries, claims, manifest.created)
    findings, left_out = judge(services, comparison, claims, read_all(services, manifest), manifest.created)
    summary = report.Summary(
        inventory=manifest_of(checksum_key),
        created_at=created_at,
        bucket=manifest.bucket,
        versions=len(entries),
        files=len(claims),
        agreeing=comparison.agreeing,
        archived_since=int((claims["moved"] > manifest.created).sum()),
        unchecked_keys=left_out,
    )
    return summary, findings


def _mail_once(services: Services, created_at: str, summary: report.Summary, findings: Sequence[Finding]) -> None:
    """Mail the findings, unless another invocation does or did.

    The mail is sent twice only if a function dies between the mail and the next write.
    """
    position = services.ledger.position(POSITION)
    if position.place.get(REPORTED, "") >= created_at:
        return
    claimed = replace(position, place={**position.place, MAILING: created_at})
    if not services.ledger.save(claimed):
        raise RetryableError("another invocation reports on this inventory at this moment")
    if findings:
        report.mail(services, _date(created_at), summary, findings)
    services.ledger.save(replace(services.ledger.position(POSITION), place={REPORTED: created_at}))


def _date(created_at: str) -> str:
    """Return the name of the report's folder: `2026-11-30T01-00Z`, as S3 names that of the inventory."""
    return created_at[:16].replace(":", "-") + "Z"


def _name(checksum_key: str) -> str:
    return hashlib.sha256(checksum_key.encode()).hexdigest()[:32]
