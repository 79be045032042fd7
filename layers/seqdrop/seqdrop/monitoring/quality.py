"""Model quality against ground truth: accuracy, F1 and MCC of calls, and Q3 of states; and whether it has dropped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seqdrop.monitoring.truth import WindowLabel

LEAST = 50
"""Quality on fewer labels is reported, but no drop is concluded from it."""
DROP = 0.1
"""A figure may be this much below the earlier ones, besides what chance explains."""
Z = 4.0
EARLIER = 10  # evaluations with which a new one is compared


@dataclass(frozen=True)
class Quality:
    """The quality of the predictions of one upload.

    `figure` is the one that is compared over time: MCC of calls, or Q3 of states. `error` is its standard error.
    """

    metric: str
    figure: float
    error: float
    labels: int
    details: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the object as JSON."""
        return asdict(self)


@dataclass
class Confusion:
    """Counts of true and false positives and negatives."""

    tp: int = 0
    fp: int = 0
    tn: int = 0
    fn: int = 0

    def add(self, truth: bool, call: bool) -> None:
        """Count one label."""
        name = ("t" if truth == call else "f") + ("p" if call else "n")
        setattr(self, name, getattr(self, name) + 1)

    @property
    def total(self) -> int:
        """The number of labels."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def accuracy(self) -> float:
        """The share of correct calls."""
        return (self.tp + self.tn) / self.total if self.total else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 without positives."""
        positives = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / positives if positives else 0.0

    @property
    def mcc(self) -> float:
        """Matthews's correlation coefficient; 0 if it is not defined, since a row or column is empty."""
        edges = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return (self.tp * self.tn - self.fp * self.fn) / sqrt(edges) if edges else 0.0


def judge_calls(rows: Iterable[Mapping[str, Any]], label: WindowLabel) -> Quality:
    """Return the quality of called windows. Windows without a score, or without a label, do not count."""
    counts = Confusion()
    for row in rows:
        truth = label(row) if "call" in row else None
        if truth is not None:
            counts.add(truth, row["call"])
    error = sqrt(max(1 - counts.mcc**2, 0.0) / counts.total) if counts.total else 1.0
    rounded = {name: round(getattr(counts, name), 4) for name in ("accuracy", "f1", "mcc")}
    return Quality("mcc", rounded["mcc"], round(error, 4), counts.total, {**rounded, **vars(counts)})


def judge_states(rows: Iterable[Mapping[str, Any]], states: Mapping[str, str]) -> Quality:
    """Return the quality of predicted states: the share of residues with the right one of H, E and C.

    A protein whose length differs from that of the truth does not count. Its standard error is that of proteins, since
    residues of one protein are not independent.
    """
    right = residues = 0
    shares: list[float] = []
    for row in rows:
        truth = states.get(row.get("record", ""), "")
        if "ss" in row and truth and len(truth) == len(row["ss"]):
            own = sum(a == b for a, b in zip(truth, row["ss"], strict=True))
            right, residues, shares = right + own, residues + len(truth), [*shares, own / len(truth)]
    q3 = right / residues if residues else 0.0
    variance = sum((share - q3) ** 2 for share in shares) / max(1, len(shares) - 1)
    error = sqrt(variance / len(shares)) if len(shares) > 1 else 1.0
    return Quality("q3", round(q3, 4), round(error, 4), residues, {"q3": round(q3, 4), "proteins": len(shares)})


def has_dropped(quality: Quality, earlier: Iterable[Mapping[str, Any]], expected: float | None) -> bool:
    """Return True if the figure is below what was expected by more than DROP and more than chance explains.

    `earlier` are earlier qualities as JSON, oldest first: the median of the last ones is expected. Without any, it is
    `expected`, the model's figure when it was trained; None if that is not known.
    """
    figures = [entry["figure"] for entry in earlier if entry["metric"] == quality.metric and entry["labels"] >= LEAST]
    before = median(figures[-EARLIER:]) if figures else expected
    if before is None or quality.labels < LEAST:
        return False
    return before - quality.figure > max(DROP, Z * quality.error)
