"""Whether a trained model becomes the current one. The rule, all of which must hold:

1. Its figure on the test split is min_q3 (of dnabert: min_mcc) or more.
2. It does what the current model of that name does: the same task.
3. Its figure is not below that of the current model, and both are of the same test split: figures of different ones say
   nothing of which model is better. With `any_test` they are compared all the same, and one that is not known passes.

A model that fails is registered all the same, and a lab may overrule the gate (`seqdrop models use`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """What the gate knows of a model. `figure` is what `metric` names; None, or "", is what was not told."""

    task: str
    figure: float | None
    test_digest: str = ""
    metric: str = "Q3"


@dataclass(frozen=True)
class Verdict:
    """`passed`, and in words why or why not."""

    passed: bool
    why: str


def judged(new: Candidate, current: Candidate | None, least: float, any_test: bool = False) -> Verdict:
    """By the rule above; `current` is None where there is none yet."""
    name = new.metric
    if new.figure is None or new.figure != new.figure:
        return Verdict(False, f"its {name} on the test split is not known")
    if new.figure < least:
        return Verdict(False, f"its {name} of {new.figure:.4f} is below {least:g}, which job.toml asks for")
    if current is None:
        return Verdict(True, f"its {name} is {new.figure:.4f}, and there is no current model that it could be held to")
    if current.task not in ("", new.task):
        return Verdict(False, f"the current model does {current.task}, and this one {new.task}")
    return _compared(new, current, name, any_test)


def _compared(new: Candidate, current: Candidate, name: str, any_test: bool) -> Verdict:
    same = bool(new.test_digest) and current.test_digest == new.test_digest
    of_current = "is not known" if current.figure is None else f"is {current.figure:.4f}"
    said = f"its {name} is {new.figure:.4f}, that of the current model {of_current}"
    if not (same or any_test):
        return Verdict(False, f"{said}, and not on the same test split; gate.any_test = true would compare them")
    passed = current.figure is None or new.figure >= current.figure
    return Verdict(passed, said if same else f"{said} (on another test split)")
