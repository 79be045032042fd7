"""The gate of trained models, which decides whether a trained model becomes the current one.

All rules must hold:

1. Its figure on the test split is at least min_q3 (dnabert: min_mcc).
2. It has the same task as the current model of that name.
3. Its figure is not below that of the current model, and both were measured on the same test split: figures of
   different splits do not show which model is better. With `any_test` they are compared all the same, and a current
   model whose figure is unknown does not stop the new one.

A model that fails is registered all the same, and a lab may overrule the gate (`seqdrop models use`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """What the gate knows of a model. `figure` is the value of `metric`; None, or "" for a text, means unknown."""

    task: str
    figure: float | None
    test_digest: str = ""
    metric: str = "Q3"


@dataclass(frozen=True)
class Verdict:
    """The decision of the gate, and its reason in words."""

    passed: bool
    why: str


def judge(new: Candidate, current: Candidate | None, least: float, any_test: bool = False) -> Verdict:
    """Return the decision by the rules above; `current` is None if there is no current model."""
    name = new.metric
    if new.figure is None or math.isnan(new.figure):
        return Verdict(False, f"its {name} on the test split is not known")
    if new.figure < least:
        return Verdict(False, f"its {name} of {new.figure:.4f} is below {least:g}, which job.toml requires")
    if current is None:
        return Verdict(True, f"its {name} is {new.figure:.4f}, and there is no current model to compare it with")
    if current.task not in ("", new.task):
        return Verdict(False, f"the task of the current model is {current.task}, and that of this one {new.task}")
    return _compare(new.figure, new, current, any_test)


def _compare(figure: float, new: Candidate, current: Candidate, any_test: bool) -> Verdict:
    same = bool(new.test_digest) and current.test_digest == new.test_digest
    of_current = "is not known" if current.figure is None else f"is {current.figure:.4f}"
    figures = f"its {new.metric} is {figure:.4f}, that of the current model {of_current}"
    if not (same or any_test):
        reason = "they were not measured on the same test split; gate.any_test = true would compare them"
        return Verdict(False, f"{figures}, and {reason}")
    passed = current.figure is None or figure >= current.figure
    return Verdict(passed, figures if same else f"{figures} (on another test split)")
