"""The expected outcome of a FASTA and its BED, from the files dropped together and their order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.faults.sets.masks import BED, BEDS, FASTAS, GOES_ALONE, KINDS, MISFIT, PLAIN, SOUND, TOGETHER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop, Evidence

__all__ = ["KINDS", "check_advanced", "check_all", "check_rejected", "check_waiting", "find_bed", "make_rows"]


def check_all(evidence: Evidence) -> Iterator[str]:
    for stem in {_stem(drop) for drop in evidence.drops if drop.kind in KINDS}:
        for fault in _check_stem(
            evidence, [drop for drop in evidence.drops if drop.kind in KINDS and _stem(drop) == stem]
        ):
            yield f"{stem}: {fault}"


def _check_stem(evidence: Evidence, drops: list[Drop]) -> Iterator[str]:
    waiting = [drop for drop in drops if evidence.state(drop) == "WAITING"]
    if len(waiting) > 1:
        yield f"{' and '.join(drop.kind for drop in waiting)} wait beside each other"
    fastas = [drop for drop in drops if drop.kind in FASTAS and evidence.state(drop) in ("VALIDATED", "ARCHIVED")]
    newest = max(fastas, key=lambda fasta: fasta.number, default=None)
    overlooked = newest and not evidence.upload(newest).get("mate") and any(drop.kind in BEDS for drop in waiting)
    if overlooked and not any(_late_for(evidence, drop) == evidence.id_of(newest) for drop in drops):
        yield "a BED waits, and the FASTA advanced without it"


def check_waiting(evidence: Evidence, drop: Drop) -> Iterator[str]:
    if drop.kind not in (PLAIN, BED, MISFIT):
        yield "it waits, but needs no other file"


def check_rejected(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    code = upload.get("reason")
    if drop.kind not in SOUND:
        yield f"it was rejected as {code}, which is not its fault"
    elif code == "bed_late" and drop.kind in BEDS:
        yield from _check_late(evidence, drop)
    elif code in TOGETHER:
        yield from _check_misfit(evidence, drop, upload)
    else:
        yield f"a good file was rejected: {code}"


def _check_late(evidence: Evidence, drop: Drop) -> Iterator[str]:
    """Check that the FASTA named in the reason has runs of N and advanced without a BED."""
    fasta = _by_id(evidence, _late_for(evidence, drop))
    if fasta is None or fasta.kind not in GOES_ALONE or _stem(fasta) != _stem(drop):
        yield "it was late, and its FASTA is missing"
    elif evidence.upload(fasta).get("mate") or any(
        attempt.get("masks") for attempt in evidence.attempts[evidence.id_of(fasta)]
    ):
        yield "it was late for a FASTA that has a BED"


def _check_misfit(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """Check that a FASTA and a BED were rejected together, and that the BED fits no FASTA."""
    other = _by_id(evidence, upload.get("mate", ""))
    if other is None or MISFIT not in (drop.kind, other.kind):
        yield "a good file was rejected without a BED that does not fit"
    elif (evidence.reason(other), evidence.upload(other).get("mate")) != (upload["reason"], upload["id"]):
        yield f"it was rejected for {other.kind}, which is in {evidence.state(other)}"


def check_advanced(evidence: Evidence, drop: Drop, upload: dict) -> Iterator[str]:
    """Check that a FASTA and a BED that advanced name each other, and that all attempts name the BED.

    A file that advanced alone must be a FASTA with runs of N, and its attempts must name no BED.
    """
    if drop.kind == MISFIT:
        yield "a BED that does not fit advanced"
    mate = _by_id(evidence, upload.get("mate", ""))
    if mate is None:
        if drop.kind not in GOES_ALONE:
            yield "it advanced alone"
        if any(attempt.get("masks") for attempt in evidence.attempts[upload["id"]]):
            yield "it advanced alone, and an attempt has masks"
        return
    fasta, bed = (drop, mate) if drop.kind in FASTAS else (mate, drop)
    if (fasta.kind in FASTAS, bed.kind) != (True, BED) or _stem(fasta) != _stem(bed):
        yield f"it advanced with {mate.kind} {mate.key}"
    if evidence.upload(mate).get("mate") != upload["id"]:
        yield "it advanced with a file that advanced with another"
    if evidence.state(mate) not in ("VALIDATED", "ARCHIVED", "WITHDRAWN"):
        yield f"it advanced with a file that is in {evidence.state(mate)}"
    attempts = evidence.attempts[evidence.id_of(fasta)]
    if not attempts or {attempt.get("masks") for attempt in attempts} != {evidence.id_of(bed)}:
        yield "it advanced with a BED, and an attempt has another"


def find_bed(evidence: Evidence, attempt: dict) -> Drop | None:
    """Return the BED whose intervals an attempt fills."""
    return _by_id(evidence, attempt.get("masks", ""))


def make_rows(predictions: list[dict]) -> list[str]:
    """Return the rows of fills.jsonl."""
    rows = []
    for prediction in predictions:
        for mask in prediction["masks"]:
            (candidate,) = mask.pop("candidates")
            rows.append(
                json.dumps({"record": prediction["record"], **mask, "rank": 1, **candidate}, separators=(",", ":"))
            )
    return rows


def _late_for(evidence: Evidence, drop: Drop) -> str:
    """Return the id of the FASTA for which a BED was too late, according to its reason; "" if it was not late."""
    if evidence.reason(drop) != "bed_late":
        return ""
    reason = evidence.json(f"reasons/{evidence.id_of(drop)}.json")
    if reason["code"] != "bed_late":  # a slower invocation wrote the reason last: use any FASTA that advanced alone
        alone = (other for other in evidence.drops if other.kind in GOES_ALONE and _stem(other) == _stem(drop))
        return next((evidence.id_of(drop) for drop in alone if not evidence.upload(drop).get("mate")), "")
    return next((evidence.id_of(drop) for drop in evidence.drops if evidence.id_of(drop) in reason["message"]), "")


def _by_id(evidence: Evidence, upload_id: str) -> Drop | None:
    return next((drop for drop in evidence.drops if upload_id and evidence.id_of(drop) == upload_id), None)


def _stem(drop: Drop) -> str:
    return drop.key.rpartition(".")[0]
