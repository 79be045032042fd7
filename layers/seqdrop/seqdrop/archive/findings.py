"""The differences between an inventory and the receipts, each with what to do about it."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.archive.inventory import Entry
    from seqdrop.archive.location import Location

PHANTOM, ORPHAN, MISMATCH = KINDS = ("phantom", "orphan", "mismatch")
NAMED = 10  # uploads that a finding about a bundle names
NO_VERSION = ("", "null")
# What is wrong, and what a person should do; in the order of urgency.
ADVICE = {
    "missing": "The bytes are gone unless another copy exists. Drop the file again if you still have it; if not, keep "
    "this report as the record of the loss. CloudTrail may show who deleted the object.",
    "hidden": "The bytes are there, below a delete marker. Delete the marker to make the object visible again.",
    "replaced": "Another object was written over the copy. The copy is an older version and still there: restores of "
    "Seqdrop name the version. Find out who may write to the archive bucket; then delete the newer version.",
    "version": "The object has another version than the receipt, and the copy itself is gone. Do not trust the bytes: "
    "restore the object, compare its SHA-256 with the receipt, and drop the file again if they differ.",
    "size": "The object has another size than the receipt. Do not trust the bytes: restore the object and compare its "
    "SHA-256 with the receipt.",
    "storage_class": "A lifecycle rule or a person moved the copy. The bytes are the same; the price and the time of a "
    "restore differ from the receipt.",
    "stray": "No receipt names this object. If it is not needed, delete it; if it belongs to a file that you forgot, "
    "its deletion was not finished.",
    "older_version": "No receipt names this version of the object. If it is not needed, delete the version.",
    "marker": "A delete marker without a file of Seqdrop. If what it hides is not needed, delete it.",
}


@dataclass(frozen=True)
class Finding:
    """One difference. `problem` is a key of ADVICE; `uploads` are the uploads whose bytes are concerned.

    `expected` and `actual` are what the receipt and the inventory say; "" where there is nothing to compare.
    """

    kind: str
    problem: str
    key: str
    version_id: str
    size: int
    uploads: tuple[str, ...] = ()
    files: int = 0
    expected: str = ""
    actual: str = ""

    @property
    def advice(self) -> str:
        """What a person should do."""
        return ADVICE[self.problem]

    def command(self, bucket: str) -> str:
        """Return a command of the AWS CLI that shows all versions of the key."""
        return f"aws s3api list-object-versions --bucket {bucket} --prefix {shlex.quote(self.key)}"

    def as_json(self, bucket: str) -> dict[str, object]:
        """Return the finding for the report."""
        fields = {**asdict(self), "uploads": list(self.uploads)}
        return {**fields, "what_to_do": self.advice, "to_look": self.command(bucket)}


def judge_copy(copy: Location, uploads: Sequence[str], entries: Sequence[Entry]) -> list[Finding]:
    """Return what is wrong with the object of a receipt, and with other versions of its key.

    `uploads` are the uploads whose receipts name the object: one, or all files of a bundle. `entries` are what the
    inventory lists under the key.
    """
    objects = [entry for entry in entries if not entry.is_delete_marker]
    entry = next((entry for entry in objects if _is_same_version(entry.version_id, copy.version_id)), None)
    findings = [
        replace(finding, uploads=tuple(uploads[:NAMED]), files=len(uploads))
        for finding in _judge_version(copy, entry, entries)
    ]
    explained = {copy.version_id, *(finding.actual for finding in findings if finding.problem == "version")}
    if any(finding.problem in ("hidden", "replaced") for finding in findings):
        explained |= {entry.version_id for entry in entries if entry.is_latest}
    others = [entry for entry in entries if entry.version_id not in explained and entry.version_id not in NO_VERSION]
    return findings + [make_orphan(entry) for entry in others]


def _judge_version(copy: Location, entry: Entry | None, entries: Sequence[Entry]) -> list[Finding]:
    whole = Finding(MISMATCH, "", copy.key, copy.version_id, copy.object_size)
    newest = next((other for other in entries if other.is_latest and not other.is_delete_marker), None)
    if entry is None:
        if newest is None:
            return [replace(whole, kind=PHANTOM, problem="missing")]
        return [replace(whole, problem="version", expected=copy.version_id, actual=newest.version_id)]
    findings = []
    if not entry.is_latest:
        hidden = newest is None
        findings.append(replace(whole, problem="hidden" if hidden else "replaced", actual=_name_latest(entries)))
    if entry.size != copy.object_size:
        findings.append(replace(whole, problem="size", expected=str(copy.object_size), actual=str(entry.size)))
    if entry.storage_class != copy.storage_class:
        findings.append(
            replace(whole, problem="storage_class", expected=copy.storage_class, actual=entry.storage_class)
        )
    return findings


def make_orphan(entry: Entry) -> Finding:
    """Return the finding for a version that no receipt names."""
    current = "stray" if entry.is_latest else "older_version"
    problem = "marker" if entry.is_delete_marker else current
    return Finding(ORPHAN, problem, entry.key, entry.version_id, entry.size, actual=entry.storage_class)


def _name_latest(entries: Sequence[Entry]) -> str:
    return next((entry.version_id for entry in entries if entry.is_latest), "")


def _is_same_version(listed: str, copied: str) -> bool:
    return listed == copied or (listed in NO_VERSION and copied in NO_VERSION)
