"""Whether a trained model becomes the current one. The rule, all of which must hold:

1. Its figure on the test split is min_q3 (of dnabert: min_mcc) or more.
2. It does what the current model of that name does: the same task.
3. Its figure is not below that of the current model. Each is of the test split that the model was trained beside; where
   those differ, the verdict says so, and the lab may overrule it (`seqdrop models use`).

A model that fails is registered all the same.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """What the gate knows of a model. `figure` is Q3, or Matthews correlation, None if it was not told."""

    task: str
    figure: float | None
    test_digest: str = ""


@dataclass(frozen=True)
class Verdict:
    """`passed`, and in words why or why not."""

    passed: bool
    why: str


def judged(new: Candidate, current: Candidate | None, least: float) -> Verdict:
    """By the rule above; `current` is None where there is none yet, or its figures are not known."""
    name = "MCC" if new.task == "promoter" else "Q3"
    if new.figure is None or new.figure != new.figure:
        return Verdict(False, f"its {name} on the test split is not known")
    if new.figure < least:
        return Verdict(False, f"its {name} of {new.figure:.4f} is below {least:g}, which job.toml asks for")
    if current is None:
        return Verdict(True, f"its {name} is {new.figure:.4f}, and there is no current model that it could be held to")
    if current.task != new.task:
        return Verdict(False, f"the current model does {current.task}, and this one {new.task}")
    if current.figure is None:
        return Verdict(True, f"its {name} is {new.figure:.4f}, and that of the current model is not known")
    apart = "" if current.test_digest == new.test_digest else " (on another test split)"
    said = f"its {name} is {new.figure:.4f}, that of the current model {current.figure:.4f}{apart}"
    return Verdict(new.figure >= current.figure, said)
