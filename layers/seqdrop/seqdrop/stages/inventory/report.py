"""The report on an inventory, for programs and for people, and its mail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.archive.findings import KINDS, Finding
from seqdrop.aws import keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.runtime.services import Services

MOST, MAILED = 10_000, 20  # findings in the report, and in the mail


@dataclass(frozen=True)
class Summary:
    """What was compared. `files` are uploads, `versions` are entries of the inventory."""

    inventory: str  # key of its manifest
    created_at: str
    bucket: str
    versions: int
    files: int
    agreeing: int
    archived_since: int  # files that were archived after the inventory was made, and left out
    unchecked_keys: int


def write_report(services: Services, date: str, summary: Summary, findings: Sequence[Finding]) -> dict[str, int]:
    """Write the report as JSON and as text; return the number of findings of each kind."""
    counts = count_kinds(findings)
    content = {
        **vars(summary),
        "findings_by_kind": counts,
        "findings": [finding.as_json(summary.bucket) for finding in findings[:MOST]],
        "findings_left_out": max(len(findings) - MOST, 0),
    }
    results = services.settings.results
    services.put_json(results, keys.inventory_report(date, "inventory-report.json"), content)
    services.s3.put_object(
        Bucket=results,
        Key=keys.inventory_report(date, "inventory-report.txt"),
        Body=render(summary, findings[:MOST]).encode(),
        ContentType="text/plain; charset=utf-8",
    )
    return counts


def count_kinds(findings: Sequence[Finding]) -> dict[str, int]:
    """Return the number of findings of each kind, including zeros."""
    counts = Counter(finding.kind for finding in findings)
    return {f"{kind}s" if kind != "mismatch" else "mismatches": counts[kind] for kind in KINDS}


def render(summary: Summary, findings: Sequence[Finding]) -> str:
    """Return the report as text: what was compared, then each finding with what to do."""
    head = (
        f"The archive bucket s3://{summary.bucket} beside the ledger\n"
        f"Inventory of {summary.created_at}: {summary.versions} versions; {summary.files} archived files, "
        f"{summary.agreeing} of them as expected.\n"
    )
    if summary.archived_since:
        head += f"{summary.archived_since} files were archived after the inventory was made; the next one has them.\n"
    if summary.unchecked_keys:
        head += f"{summary.unchecked_keys} further keys were not looked at, because there were too many.\n"
    if not findings:
        return head + "\nNothing to do.\n"
    return head + "".join(_render(finding, summary.bucket) for finding in findings)


def _render(finding: Finding, bucket: str) -> str:
    lines = [f"\n{finding.kind} ({finding.problem.replace('_', ' ')}): {finding.key}"]
    if finding.version_id:
        lines.append(f"  version {finding.version_id}")
    if finding.uploads:
        more = f" and {finding.files - len(finding.uploads)} more" if finding.files > len(finding.uploads) else ""
        lines.append(f"  upload {', '.join(finding.uploads)}{more}")
    if finding.expected or finding.actual:
        lines.append(f"  expected {finding.expected or 'nothing'}, the inventory has {finding.actual or 'nothing'}")
    return "\n".join([*lines, f"  {finding.advice}", f"  {finding.command(bucket)}", ""])


def mail(services: Services, date: str, summary: Summary, findings: Sequence[Finding]) -> None:
    """Mail the first findings, and where the others are."""
    results = services.settings.results
    where = f"s3://{results}/{keys.inventory_report(date, 'inventory-report.txt')}"
    services.notify(
        f"Seqdrop: {len(findings)} differences between the archive and the ledger",
        f"{render(summary, findings[:MAILED])}\nThe whole report:\n  aws s3 cp {where} -\n",
    )
