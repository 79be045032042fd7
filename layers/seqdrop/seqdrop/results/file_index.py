"""The index of file names: `index/<landing key>/<time>--<upload id>.json` in the results bucket.

An entry has the addresses of everything that belongs to one upload. Each upload has an object of its own, so writers
never wait for each other, and a listing of the prefix of a file, folder or run finds it without any tool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from seqdrop.aws import keys
from seqdrop.config.analysis import READ_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.ledger.records import Upload

VERSION = 1
LONGEST_KEY = 1024  # bytes that S3 allows


class ArchivedCopy(TypedDict):
    """Where the archived copy is."""

    bucket: str
    key: str
    storage_class: str


class Entry(TypedDict, total=False):
    """One upload. `links` are addresses in S3: an object, or a prefix if it ends in a slash."""

    index_version: int
    file: str
    upload: str
    version_id: str
    landed_at: str
    state: str
    reason: str
    size: int
    sha256: str
    format: str
    records: int
    analysis: str
    run: str
    duplicate_of: str
    links: dict[str, str]
    archive: ArchivedCopy


@dataclass(frozen=True)
class Ending:
    """How an upload ends: its final state, and what it has in the results bucket.

    `results` are prefixes of predictions. `has_report` says whether the file has a report; if it is None, the format
    in the record of the upload decides.
    """

    state: str
    reason: str = ""
    results: Sequence[str] = ()
    has_report: bool | None = None
    archive: ArchivedCopy | None = None


def entry_key(upload: Upload) -> str | None:
    """Return the key of the entry of an upload; None if it would be longer than S3 allows."""
    key = keys.index_entry(upload.key, upload.created_at, upload.id)
    return key if len(key.encode()) <= LONGEST_KEY else None


def make_entry(upload: Upload, ending: Ending, bucket: str) -> Entry:
    """Return the entry of an upload, without empty facts. `bucket` is the results bucket."""
    entry: Entry = {
        "index_version": VERSION,
        "file": upload.key,
        "upload": upload.id,
        "version_id": upload.version_id,
        "landed_at": upload.created_at,
        "state": ending.state,
        "reason": ending.reason,
        "size": upload.size,
        "sha256": upload.sha256,
        "format": upload.format,
        "records": upload.records,
        "analysis": upload.analysis,
        "run": upload.run,
        "duplicate_of": upload.duplicate_of,
        "links": {name: f"s3://{bucket}/{key}" for name, key in _link(upload, ending).items()},
    }
    if ending.archive:
        entry["archive"] = ending.archive
    return {name: value for name, value in entry.items() if value not in ("", 0, None)}  # type: ignore[return-value]


def _link(upload: Upload, ending: Ending) -> dict[str, str]:
    """Return the keys and prefixes in the results bucket that exist. A repeated file has those of its original."""
    owner = upload.duplicate_of if ending.state == "DUPLICATE" else upload.id
    has_report = upload.format in READ_FORMATS if ending.has_report is None else ending.has_report
    links = {}
    if has_report:
        links = {"page": keys.page(upload.id), "report": keys.report(upload.id)}
        links["multiqc"] = keys.multiqc_prefix(upload.id)
    links |= {f"results{number or ''}": prefix for number, prefix in enumerate(ending.results)}
    if ending.state == "REJECTED":
        links["reason"] = keys.reason(upload.id)
    if ending.archive or ending.state == "DUPLICATE":
        links["receipt"] = keys.receipt(owner)
    return links
