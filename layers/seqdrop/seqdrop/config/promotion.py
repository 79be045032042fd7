"""The table [analyses.NAME.promotion] of analyses.toml: when a trained model may become the current one by itself.

A person who drops a training chooses the name of its model. Therefore the lab decides here, by the name of the model,
which models a training may replace and how good the new model must be. job.toml can only make the bar higher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.fields import Flag, Number, Table, setting

if TYPE_CHECKING:
    from collections.abc import Collection

MIN_Q3, MIN_MCC = 0.70, 0.50


@dataclass(frozen=True)
class Promotion(Table):
    """The conditions under which a trained model of the analysis's name becomes the current one."""

    table = "promotion"

    promotes: bool = setting(False, Flag())
    """true: a trained model that passes this gate becomes the current one, if the stack parameter TrainingPromotes is
    "true" as well. false: it is a candidate, until a person runs `seqdrop models promote`."""
    min_q3: float = setting(MIN_Q3, Number(0, 1, as_float=True))
    """Protein models: least share of test residues whose state, of three, is correct. job.toml may only ask for
    more."""
    min_mcc: float = setting(MIN_MCC, Number(-1, 1, as_float=True))
    """dnabert: least Matthews correlation coefficient on the validation records. job.toml may only ask for more."""
    any_test: bool = setting(False, Flag())
    """true: compare a new model with the current one even if they were tested on other records. The person who drops a
    training chooses its test records, so this trusts all who may drop one."""


def combine(promotions: Collection[Promotion]) -> Promotion:
    """Return the strictest conditions: those of a model that several analyses use.

    A model that no analysis uses has the defaults: it does not become the current one by itself.
    """
    if not promotions:
        return Promotion()
    return Promotion(
        promotes=all(each.promotes for each in promotions),
        min_q3=max(each.min_q3 for each in promotions),
        min_mcc=max(each.min_mcc for each in promotions),
        any_test=all(each.any_test for each in promotions),
    )
