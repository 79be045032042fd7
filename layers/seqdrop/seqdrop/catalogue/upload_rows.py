"""The row of an upload: what it is, what became of it, its quality, and what its archived copy costs."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from seqdrop.archive.storage_classes import GB
from seqdrop.archive.terms import free_to_delete_from, price_copy
from seqdrop.catalogue.subjects import sequenced_on, subject_of

if TYPE_CHECKING:
    from seqdrop.archive.receipt import Receipt, RestoreTerms
    from seqdrop.catalogue.facts import UploadFacts
    from seqdrop.errors import Rejection
    from seqdrop.report.schema import Report

Row = dict[str, Any]


def upload_row(facts: UploadFacts) -> Row:
    """Return the row of an upload. A key without a value is absent."""
    upload, receipt = facts.upload, facts.receipt
    row: Row = {
        **subject_columns(facts),
        "key": upload.key,
        "state": state_of(facts),
        "received": upload.created_at,
        "bytes": upload.size,
        **_describe_report(facts.report),
    }
    if receipt and not row.get("format"):
        row["format"] = receipt["landing"]["format"]
    row["sequenced"] = sequenced_on(posixpath.basename(upload.run.rstrip("/")))
    if row["state"] == "REJECTED":
        row |= _describe_reason(facts.reason, facts.report)
    if facts.tombstone:
        row["deleted"] = facts.tombstone["deleted_at"]
    elif receipt:
        row |= _describe_copy(receipt)
    return {name: value for name, value in row.items() if value not in (None, "")}


def subject_columns(facts: UploadFacts) -> Row:
    """Return the columns that say which upload a row of any table is about."""
    subject = subject_of(facts)
    return {
        "upload": facts.upload.id,
        "project": subject.project or None,
        "run": subject.run or None,
        "sample": subject.sample,
        "analysis": facts.upload.analysis or None,
    }


def state_of(facts: UploadFacts) -> str:
    """Return the state of an upload by its stored facts.

    A move of the ledger follows the fact that explains it, so the ledger may not say it yet.
    """
    if facts.tombstone:
        return "FORGOTTEN"
    if facts.receipt:
        return "ARCHIVED"
    if facts.reason or (facts.report and not facts.report.get("valid", True)):
        return "REJECTED"
    if facts.report:
        return "DUPLICATE" if facts.report.get("archived_before") else "VALIDATED"
    return "RECEIVED"


def _describe_report(report: Report | None) -> Row:
    if report is None:
        return {}
    qc = report.get("qc")
    row: Row = {"format": report.get("format"), "repeats": report.get("archived_before")}
    if qc is None:  # a valid file that was not examined
        return row
    return row | {
        "platform": "+".join(qc["origin"]["platform"]),
        "instrument": "+".join(qc["origin"]["instrument"]),
        "reads": qc["records"],
        "bases": qc["bases"],
        "mean_length": qc["mean_length"],
        "mean_quality": qc["mean_quality"],
        "q30_fraction": qc["q30_fraction"],
        "gc_fraction": qc["gc_fraction"],
    }


def _describe_reason(reason: Rejection | None, report: Report | None) -> Row:
    if reason:
        keys = {"code": "reason_code", "message": "reason", "record": "reason_record", "line": "reason_line"}
        return {column: reason.get(name) for name, column in keys.items()}
    errors = report["errors"] if report else []
    if not errors:
        return {}
    first = errors[0]
    place = {"reason_record": first["number"], "reason_line": first["line"]}
    return {"reason_code": first["code"], "reason": first["message"], **place}


def _describe_copy(receipt: Receipt) -> Row:
    copy, archived = receipt["archive"], receipt["verified_at"]
    prices = receipt.get("prices") or price_copy(copy)
    free = receipt.get("free_to_delete_from") or free_to_delete_from(copy["storage_class"], archived).isoformat()
    row: Row = {
        "archived": archived,
        "storage_class": copy["storage_class"],
        "archive_usd_month": prices["usd_per_month"],
        "free_to_delete_from": free,
    }
    prices_by_tier = [(_restore_usd(terms, receipt["landing"]["size"]), terms) for terms in receipt["restore"].values()]
    if prices_by_tier:
        usd, terms = min(prices_by_tier, key=lambda entry: entry[0])
        row |= {"restore_usd": usd, "restore_hours": terms["hours_at_most"]}
    return row


def _restore_usd(terms: RestoreTerms, size: int) -> float:
    return terms.get("usd", round(terms["usd_per_gb"] * size / GB, 6))
