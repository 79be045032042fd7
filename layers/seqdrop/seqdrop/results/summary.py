"""summary.json: what was found, what it is worth, and everything that is needed to make it again."""

from __future__ import annotations

from seqdrop.config.kind_settings import ModelUse, ProteinUse
from seqdrop.models.calibration import Calibration
from seqdrop.results.tracks import RULE
from seqdrop.results.writer import Results

RAW = "The model has no calibration.json: a probability is the model's own, and no prior can be applied to it."
SCALED = (
    "probability is the model's own and what threshold is compared with; calibrated is Platt's scaling of it, "
    "for windows of which a share of `prior` are positives."
)


def summary(made_by: dict, use: ModelUse | ProteinUse, results: Results, calibration: Calibration | None) -> dict:
    found = {**made_by, "counts": results.counts.as_dict(), "files": results.names}
    if isinstance(use, ProteinUse):
        return found | ({"structure": results.counts.structure()} if use.task == "structure" else {})
    if use.task != "promoter":
        del found["counts"]["calls"]
        return found
    found["calls"] = _calls(use, results)
    found["expected_false_calls"] = _false_calls(use, calibration)
    if results.kept is not None:
        found["track"] = {"value": RULE, "of": "calibrated" if calibration else "probability"}
        found["track"]["bigwig"] = "left out: too many records" if results.without_bigwig else "where a base is scored"
    return {**found, "prior": _prior(use, calibration), "note": SCALED if calibration else RAW}


def _calls(use: ModelUse, results: Results) -> dict:
    """Called windows, and calls after suppression; a kilobase of a strand that lies in scored windows."""
    counts, kilobases = results.counts, results.counts.bases / 1000
    told = {"windows": counts.calls, "scored_kb": kilobases, "windows_per_kb": _share(counts.calls, kilobases)}
    if results.kept is not None:
        told |= {"distance": use.apart, "kept": results.kept, "kept_per_kb": _share(results.kept, kilobases)}
    return told


def _share(number: int, kilobases: float) -> float | None:
    return round(number / kilobases, 6) if kilobases else None


def _prior(use: ModelUse, calibration: Calibration | None) -> float | None:
    return (use.prior or calibration.share) if calibration else None


def _false_calls(use: ModelUse, calibration: Calibration | None) -> dict | None:
    """What the model was seen to call of real DNA that holds no promoter."""
    row = calibration.false_calls_at(use.threshold) if calibration else None
    if row is None:
        return None
    shares = {kind: row[f"{kind}_called"] for kind in ("intron", "cds")}
    return {
        "measured_at_threshold": row["threshold"],
        "recall": row["recall"],
        "share_of_windows": shares,
        "windows_per_kb": {kind: round(share * 1000 / use.stride, 4) for kind, share in shares.items()},
        "note": "windows called of real introns and coding sequence on one strand, by the model's card; before calls "
        "nearer than `distance` become one",
    }
