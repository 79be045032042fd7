"""What a model's probability is worth: Platt's scaling of its log odds, and a prior for the share of positives.

Platt, 1999: of a probability p the calibrated log odds are slope · logit(p) + intercept. They hold where positives are
as frequent as in the sequences it was fitted on (`share`); where they are not, the odds are multiplied by the ratio of
the prior odds (Elkan, 2001). `calibration.json` of a model's archive holds the numbers; benchmarks/calibrate_seeds.py
writes it. Both steps keep the order of windows.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "calibration.json"
SMALLEST = 1e-6
"""Probabilities come in six decimals: nearer to 0 or 1 than this, log odds would be made up."""
MOST_ROWS = 50


@dataclass(frozen=True)
class Calibration:
    """`false_calls` are rows of threshold (of the model's own probability), recall, and what is called of real introns
    and coding sequence: a share of windows, measured on sequences that neither training nor fitting saw."""

    slope: float
    intercept: float
    share: float
    """Share of positives among the sequences it was fitted on."""
    false_calls: tuple[dict, ...] = ()

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, self.share)
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
            raise ConfigurationError(f"{FILE}: slope, intercept and share must be numbers")
        if self.slope <= 0:
            raise ConfigurationError(f"{FILE}: slope must be above 0; below it would turn the order of windows round")
        if not 0 < self.share < 1:
            raise ConfigurationError(f"{FILE}: share must lie between 0 and 1")

    def scale(self, prior: float | None) -> Callable[[float], float]:
        """From the model's probability to the calibrated one, where `prior` is the share of true positives.

        Without a prior it is that of `share`.
        """
        shift = self.intercept + (logit(prior) - logit(self.share) if prior else 0.0)
        return lambda probability: logistic(self.slope * logit(probability) + shift)

    def false_calls_at(self, threshold: float) -> dict | None:
        """What was measured at the highest threshold that is not above this one; None if nothing was."""
        fitting = [row for row in self.false_calls if row["threshold"] <= threshold]
        return max(fitting, key=lambda row: row["threshold"], default=None)

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def logit(probability: float) -> float:
    held = min(max(probability, SMALLEST), 1 - SMALLEST)
    return math.log(held / (1 - held))


def logistic(log_odds: float) -> float:
    """Without overflow on either side."""
    if log_odds < 0:
        return math.exp(log_odds) / (1 + math.exp(log_odds))
    return 1 / (1 + math.exp(-log_odds))


def parse(text: str | bytes) -> Calibration:
    """calibration.json; what it says besides is for people. Raises ConfigurationError."""
    try:
        found = json.loads(text)
        kept = {one.name: found[one.name] for one in fields(Calibration) if one.name in found}
        kept["false_calls"] = tuple(_row(row) for row in kept.get("false_calls", ())[:MOST_ROWS])
        return Calibration(**kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{FILE} cannot be read: {error!r}") from error


def _row(row: dict) -> dict:
    return {name: float(row[name]) for name in ("threshold", "recall", "intron_called", "cds_called")}


def of_archive(body: bytes) -> Calibration | None:
    """That of a model.tar.gz; None if there is none in it. Raises ConfigurationError for one that makes no sense."""
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            return parse(archive.extractfile(FILE).read())
    except (tarfile.TarError, EOFError, OSError, KeyError, AttributeError):
        return None  # no such member, or no archive at all, which the container will say
