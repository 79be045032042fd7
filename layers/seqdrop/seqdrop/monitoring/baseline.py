"""A baseline: the profiles with which later ones are compared, where they are from, and whose model they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.monitoring.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
TRAINING, FIRST, OWN = "training data", "the first results of this model", "sequences that the lab chose"
LEAST = 500
"""Pieces of records, or rows, that a baseline of the first results must have. Until then they are gathered."""


@dataclass(frozen=True)
class Baseline:
    """Profiles of inputs and of predictions, each None if it is not known.

    `source` says where the inputs are from. `digest` is that of the model's archive, "" if the baseline is for any
    model. `dates` are the ends of the times whose
    results it holds, if it holds first results.
    """

    source: str
    alphabet: str
    made_at: str
    inputs: Profile | None = None
    predictions: Profile | None = None
    digest: str = ""
    dates: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the baseline as JSON. It holds counts only, no sequence and no name."""
        return {
            "version": VERSION,
            "source": self.source,
            "alphabet": self.alphabet,
            "made_at": self.made_at,
            "digest": self.digest,
            "dates": list(self.dates),
            "inputs": self.inputs.as_dict() if self.inputs else None,
            "predictions": self.predictions.as_dict() if self.predictions else None,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Baseline:
        """Return the baseline of a stored JSON object. Raise ValueError if this version cannot use it."""
        if content.get("version") != VERSION:
            raise ValueError(f"the baseline has version {content.get('version')}, not {VERSION}: make it again")
        inputs, predictions = (
            Profile.from_dict(content[name]) if content[name] else None for name in ("inputs", "predictions")
        )
        plain = {name: content[name] for name in ("source", "alphabet", "made_at", "digest")}
        return cls(**plain, inputs=inputs, predictions=predictions, dates=tuple(content["dates"]))
