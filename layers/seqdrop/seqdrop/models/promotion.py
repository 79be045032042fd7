"""The gate of trained models, which decides whether a new model becomes the current one of its name.

It does if all rules are satisfied:

1. The new model's figure on the test split is at least min_q3 (dnabert: min_mcc).
2. Both models have the same task. An unknown task of the current model counts as the same.
3. The new model's figure is not below the current one's, and both were measured on the same test split: figures on
   different splits do not show which model is better. With `any_test` they are compared even so, and a new model may
   also replace one whose figure is unknown.

A model that does not pass is registered as well, and a lab can overrule the gate (`seqdrop models use`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """The facts about a model that the gate uses.

    `figure` is the value of `metric` on the test split. None, or "" for a text, means unknown.
    """

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
    """Return the decision by the rules above. `current` is None if there is no current model."""
    name = new.metric
    if new.figure is None or math.isnan(new.figure):
        return Verdict(False, f"its {name} on the test split is not known")
    if new.figure < least:
        return Verdict(False, f"its {name} of {new.figure:.4f} is below {least:g}, the minimum in job.toml")
    if current is None:
        return Verdict(True, f"its {name} is {new.figure:.4f}, and there is no current model to compare it with")
    if current.task not in ("", new.task):
        return Verdict(False, f"its task is {new.task}, but that of the current model is {current.task}")
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
