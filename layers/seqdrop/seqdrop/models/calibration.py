"""Calibration of a model's probabilities: Platt scaling of the log odds, and a prior for the share of positives.

Platt, 1999: for a probability p, the calibrated log odds are slope · logit(p) + intercept. They hold where positives
are as frequent as in the sequences that the calibration was fitted on (`share`). For another frequency, the odds are
multiplied by the ratio of the prior odds (Elkan, 2001). Both steps keep the order of windows. `calibration.json` in a
model's archive has the numbers; benchmarks/calibrate_seeds.py writes it.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE = "calibration.json"
SMALLEST = 1e-6
"""Probabilities have six decimals, so log odds of values nearer to 0 or 1 than this are not known."""
MOST_ROWS = 50  # of false_calls; the rest is ignored, because pointers and job records store the calibration


class FalseCalls(TypedDict):
    """Shares measured at one threshold, on sequences used neither for training nor for fitting."""

    threshold: float
    """Threshold of the model's own probability."""
    recall: float
    """Share of the true positives that are called."""
    intron_called: float
    """Share of the windows of real introns that are called."""
    cds_called: float
    """Share of the windows of real coding sequence that are called."""


@dataclass(frozen=True)
class Calibration:
    """The content of calibration.json."""

    slope: float
    intercept: float
    share: float
    """Share of positives among the sequences that it was fitted on."""
    false_calls: tuple[FalseCalls, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, self.share)
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
            raise ConfigurationError(f"{FILE}: slope, intercept and share must be numbers")
        if self.slope <= 0:
            raise ConfigurationError(f"{FILE}: slope must be above 0; otherwise the order of windows would be reversed")
        if not 0 < self.share < 1:
            raise ConfigurationError(f"{FILE}: share must be above 0 and below 1")

    def scale(self, prior: float | None) -> Callable[[float], float]:
        """Return a function from the model's probability to the calibrated one.

        `prior` is the expected share of true positives; None means the share in the calibration set.
        """
        shift = self.intercept + (logit(prior) - logit(self.share) if prior else 0.0)
        return lambda probability: logistic(self.slope * logit(probability) + shift)

    def false_calls_at(self, threshold: float) -> FalseCalls | None:
        """Return the measurement at the highest threshold that is not above this one; None if there is none."""
        below = [row for row in self.false_calls if row["threshold"] <= threshold]
        return max(below, key=lambda row: row["threshold"], default=None)

    def as_json(self) -> str:
        """Return the calibration as JSON, for pointers and job records."""
        return json.dumps(asdict(self), sort_keys=True)


def logit(probability: float) -> float:
    """Return the log odds of a probability, which is first limited to SMALLEST and 1 - SMALLEST."""
    limited = min(max(probability, SMALLEST), 1 - SMALLEST)
    return math.log(limited / (1 - limited))


def logistic(log_odds: float) -> float:
    """Return the probability of log odds, without overflow for large values of either sign."""
    if log_odds < 0:
        return math.exp(log_odds) / (1 + math.exp(log_odds))
    return 1 / (1 + math.exp(-log_odds))


def parse(text: str | bytes) -> Calibration:
    """Read calibration.json; unknown keys are ignored. Raise ConfigurationError if it cannot be read."""
    try:
        content = json.loads(text)
        values = {field.name: content[field.name] for field in fields(Calibration) if field.name in content}
        values["false_calls"] = tuple(_false_calls(row) for row in values.get("false_calls", ())[:MOST_ROWS])
        return Calibration(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{FILE} cannot be read: {error!r}") from error


def _false_calls(row: Mapping[str, Any]) -> FalseCalls:
    return {
        "threshold": float(row["threshold"]),
        "recall": float(row["recall"]),
        "intron_called": float(row["intron_called"]),
        "cds_called": float(row["cds_called"]),
    }


def read_calibration(body: bytes) -> Calibration | None:
    """Return the calibration in a model.tar.gz; None if it has none. Raise ConfigurationError for an invalid one."""
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            member = archive.extractfile(FILE)
            return parse(member.read()) if member else None
    except (tarfile.TarError, EOFError, OSError, KeyError):
        return None  # there is no such member, or the body is not an archive, which the container will report
