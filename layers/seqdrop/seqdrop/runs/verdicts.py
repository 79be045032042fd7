"""The verdict on a sample, and on the Undetermined share of a run, by the lab's own thresholds.

Pure functions: figures and limits in, "pass", "warn" or "fail" with the reasons out. A limit whose figure is not known
is a warning, because a threshold that cannot be checked must not look as if it held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from seqdrop.report.numbers import count, percent, short
from seqdrop.runs.sample_status import EMPTY, INCOMPLETE, MISSING, PLANNED, UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seqdrop.runs.figures import SampleFigures

PASS, WARN, FAIL = VERDICTS = ("pass", "warn", "fail")
UNDETERMINED = "undetermined"
NAMES = {
    "yield_mb": "yield",
    "reads": "reads",
    "q30": "Q30",
    "n": "N",
    "duplicates": "duplicates",
    "length": "mean length",
    UNDETERMINED: "Undetermined",
}
SHARES = ("q30", "n", "duplicates", UNDETERMINED)


@dataclass(frozen=True)
class Limit:
    """The thresholds of a figure: a sample beyond `warn` is a warning, beyond `fail` it fails; None: no threshold.

    With `is_least`, lower figures are worse (yield, Q30); otherwise higher ones (N, duplicates).
    """

    figure: str
    warn: float | None
    fail: float | None
    is_least: bool


class LimitEntry(TypedDict):
    """A `Limit` in run.json."""

    figure: str
    warn: float | None
    fail: float | None
    is_least: bool


class Reason(TypedDict):
    """Why a verdict is not "pass": a figure beyond its limit, or what is wrong with the files (`figure` is "")."""

    verdict: str
    figure: str
    text: str


class Verdict(TypedDict):
    """`verdict` is one of VERDICTS, "" for a sample that is only planned; the worst reasons come first."""

    verdict: str
    reasons: list[Reason]


class JudgedSample(Verdict):
    """A sample's verdict in run.json, with its figures (None if no file of it was read) and uploads by file name."""

    figures: SampleFigures | None
    uploads: dict[str, str]


def judge_figures(
    figures: Mapping[str, object] | None, limits: Iterable[Limit], problems: Sequence[Reason] = ()
) -> Verdict:
    """Return the verdict on figures by limits, and on `problems`; without figures only the problems count."""
    reasons = list(problems)
    if figures is not None:
        reasons += filter(None, (_check(limit, figures.get(limit.figure)) for limit in limits))
    reasons.sort(key=lambda reason: -VERDICTS.index(reason["verdict"]))
    return {"verdict": reasons[0]["verdict"] if reasons else PASS, "reasons": reasons}


def judge_sample(
    status: str,
    missing: Sequence[str],
    rejected: Mapping[str, str],
    figures: Mapping[str, object] | None,
    limits: Iterable[Limit],
) -> Verdict:
    """Return the verdict on a sample: its status and what it lacks, rejected files (name → code), its figures."""
    if status == PLANNED:
        return {"verdict": "", "reasons": []}
    problems = [_reason(FAIL, f"{name} was rejected: {code}") for name, code in rejected.items()]
    problems += _describe_status(status, missing)
    if status == EMPTY:
        figures = None  # that it has no reads says it all
    return judge_figures(figures, [limit for limit in limits if limit.figure != UNDETERMINED], problems)


def judge_undetermined(share: float | None, limits: Iterable[Limit]) -> Verdict:
    """Return the verdict on the share of reads of no sample; "pass" if the run has no reads."""
    figures = None if share is None else {UNDETERMINED: share}
    return judge_figures(figures, [limit for limit in limits if limit.figure == UNDETERMINED])


def count_verdicts(verdicts: Iterable[str]) -> dict[str, int]:
    """Return the number of samples by verdict; planned samples have none."""
    every = list(verdicts)
    return {verdict: every.count(verdict) for verdict in VERDICTS}


def as_entries(limits: Iterable[Limit]) -> list[LimitEntry]:
    """Return limits for run.json."""
    return [
        {"figure": limit.figure, "warn": limit.warn, "fail": limit.fail, "is_least": limit.is_least} for limit in limits
    ]


def show(figure: str, value: float | None) -> str:
    """Return a figure with its unit, for people."""
    if figure in SHARES:
        return percent(value)
    if figure == "yield_mb":
        return short(None if value is None else value * 1e6, "b")
    return short(value, "b") if figure == "length" else count(None if value is None else round(value))


def _check(limit: Limit, value: object) -> Reason | None:
    """Return why a figure is beyond a limit; None if it is not."""
    if limit.warn is None and limit.fail is None:
        return None
    name = NAMES[limit.figure]
    if not isinstance(value, int | float):
        return _reason(WARN, f"{name} is not known", limit.figure)
    for verdict, threshold in ((FAIL, limit.fail), (WARN, limit.warn)):
        if threshold is not None and (value < threshold if limit.is_least else value > threshold):
            beyond = "below" if limit.is_least else "above"
            text = f"{name} {show(limit.figure, value)}, {beyond} {show(limit.figure, threshold)}"
            return _reason(verdict, text, limit.figure)
    return None


def _describe_status(status: str, missing: Sequence[str]) -> list[Reason]:
    texts = {
        MISSING: (FAIL, "no file of it came"),
        EMPTY: (FAIL, "its files have no reads"),
        INCOMPLETE: (FAIL, f"missing: {', '.join(missing)}"),
        UNEXPECTED: (WARN, "not in the sample sheet"),
    }
    return [_reason(*texts[status])] if status in texts else []


def _reason(verdict: str, text: str, figure: str = "") -> Reason:
    return {"verdict": verdict, "figure": figure, "text": text}
