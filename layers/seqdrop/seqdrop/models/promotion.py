"""The gate of trained models, which decides whether a new model is good enough to become the current one of its name.

It is if all rules are satisfied:

1. The new model's figure on the test split is at least min_q3 (dnabert: min_mcc) of analyses.toml, and of job.toml if
   that asks for more.
2. Both models have the same task and the same classes. An unknown task of the current model, or classes without names,
   count as the same.
3. The new model's figure is not below the current one's, and both were measured on the same test split: figures on
   different splits do not show which model is better. If analyses.toml says `any_test`, they are compared even so, and
   a new model may also replace one whose figure is unknown.

A model that passes becomes the current one by itself only if analyses.toml and the stack permit it; otherwise, and if
it does not pass, it is a candidate (`seqdrop models promote`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import JobRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.config.analyses import Analysis
    from seqdrop.models.archives import ModelArchive


@dataclass(frozen=True)
class Candidate:
    """The facts about a model that the gate uses.

    `figure` is the value of `metric` on the test split. None, "" for a text, or () for the labels means unknown.
    """

    task: str
    figure: float | None
    test_digest: str = ""
    metric: str = "Q3"
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bar:
    """The least figure of a new model, and whether it may be compared with one that was tested on other records."""

    least: float
    any_test: bool = False


@dataclass(frozen=True)
class Verdict:
    """The decision of the gate, and its reason in words."""

    passed: bool
    why: str


def judge(new: Candidate, current: Candidate | None, bar: Bar) -> Verdict:
    """Return the decision by the rules above. `current` is None if there is no current model."""
    name = new.metric
    if new.figure is None or math.isnan(new.figure):
        return Verdict(False, f"its {name} on the test split is not known")
    if new.figure < bar.least:
        return Verdict(False, f"its {name} of {new.figure:.4f} is below {bar.least:g}, the minimum")
    if current is None:
        return Verdict(True, f"its {name} is {new.figure:.4f}, and there is no current model to compare it with")
    if current.task not in ("", new.task):
        return Verdict(False, f"its task is {new.task}, but that of the current model is {current.task}")
    if difference := compare_labels(new.labels, current.labels):
        return Verdict(False, difference)
    return _compare(new.figure, new, current, bar.any_test)


def _compare(figure: float, new: Candidate, current: Candidate, any_test: bool) -> Verdict:
    same = bool(new.test_digest) and current.test_digest == new.test_digest
    of_current = "is not known" if current.figure is None else f"is {current.figure:.4f}"
    figures = f"its {new.metric} is {figure:.4f}, that of the current model {of_current}"
    if not (same or any_test):
        return Verdict(False, f"{figures}, and they were not measured on the same test split")
    passed = current.figure is None or figure >= current.figure
    return Verdict(passed, figures if same else f"{figures} (on another test split)")


def compare_labels(new: tuple[str, ...], current: tuple[str, ...]) -> str:
    """Return how the classes of a new model differ from those of the current one; "" if they are the same.

    Classes that the current model does not name are not compared.
    """
    if not current or new == current:
        return ""
    words = [", ".join(labels) or "not named" for labels in (new, current)]
    return f"its classes are {words[0]}, but those of the current model are {words[1]}"


def find_refusals(archive: ModelArchive, analyses: Iterable[Analysis]) -> list[str]:
    """Return why jobs of analyses would be refused with an archive as their model, a sentence for each analysis."""
    refusals = []
    for analysis in analyses:
        try:
            analysis.kind.check_archive(archive, analysis)
        except JobRefusedError as error:
            refusals.append(f"jobs of {analysis.prefix} would be refused: {error}")
    return refusals
