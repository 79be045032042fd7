"""Assess one subject: find its baselines, compare, judge its truth files, and write the report.

The inputs are compared with the lab's own baseline, or else with the model's training data, or else with the first
results of this model. Predictions are compared with the lab's own baseline or with the first results of this model.
First results are gathered until they suffice; until then there is nothing to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.monitoring.baseline import FIRST, LEAST, Baseline
from seqdrop.monitoring.drift import compare
from seqdrop.monitoring.profile import Profile
from seqdrop.monitoring.quality import has_dropped
from seqdrop.monitoring.truth import UnreadableTruthError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.stages.monitor.brief import MonitoringBrief, SubjectBrief
    from seqdrop.stages.monitor.reading import Reader

MOST_POINTS = 1000  # of the history


@dataclass(frozen=True)
class Baselines:
    """The baselines of a subject that exist: the lab's, that of the training data, and that of first results."""

    own: Baseline | None
    trained: Baseline | None
    first: Baseline

    @property
    def inputs(self) -> tuple[Profile | None, str]:
        """The profile to compare inputs with, None if there is none yet, and where it is from."""
        for baseline in (self.own, self.trained):
            if baseline and baseline.inputs:
                return baseline.inputs, baseline.source
        return _enough(self.first.inputs), FIRST

    @property
    def predictions(self) -> tuple[Profile | None, str]:
        """The profile to compare predictions with, None if there is none yet, and where it is from."""
        if self.own and self.own.predictions and self.own.digest in ("", self.first.digest):
            return self.own.predictions, self.own.source
        return _enough(self.first.predictions), FIRST


def _enough(profile: Profile | None) -> Profile | None:
    return profile if profile and profile.observations >= LEAST else None


@dataclass(frozen=True)
class Assessment:
    """The report on a subject, its history, and the baseline of first results if it has grown."""

    report: dict[str, Any]
    history: list[dict[str, Any]]
    first: Baseline | None


def assess(reader: Reader, brief: MonitoringBrief, subject: SubjectBrief) -> Assessment:
    """Return the assessment of a subject. After a crash it can be repeated: nothing is counted twice."""
    baselines = _find_baselines(reader, brief, subject)
    stored = reader.load(brief["results"], keys.monitoring_history(subject["analysis"], subject["stream"]))
    history = [point for point in stored or [] if point["date"] != brief["date"]]
    reader.missing = 0
    inputs, predictions, unreadable = reader.profiles(subject)
    (before_inputs, source), (before_predictions, other) = baselines.inputs, baselines.predictions
    pairs = [(before_inputs, inputs), (before_predictions, predictions)]
    comparisons = [entry for old, new in pairs if old for entry in compare(old, new)]
    qualities, unusable = _judge(reader, subject, history)
    report = {
        **{name: subject[name] for name in ("analysis", "stream", "model", "digest", "left_out")},
        **{name: brief[name] for name in ("date", "since", "until")},
        "uploads": len(subject["attempts"]),
        "observations": {"inputs": inputs.observations, "predictions": predictions.observations},
        "baseline": {"inputs": source if before_inputs else "", "predictions": other if before_predictions else ""},
        "comparisons": [entry.as_dict() for entry in comparisons],
        "drifted": [entry.feature for entry in comparisons if entry.has_drifted],
        "bins": {**_bins(before_inputs, inputs), **_bins(before_predictions, predictions)},
        "quality": qualities,
        "dropped": [entry["upload"] for entry in qualities if entry["dropped"]],
        "unusable": [*brief["unusable"], *unusable],
        "unreadable_captures": unreadable,
        "missing_objects": reader.missing,
    }
    history = [*history, _point(report)][-MOST_POINTS:]
    return Assessment(report, history, _gather(baselines.first, brief, inputs, predictions))


def _find_baselines(reader: Reader, brief: MonitoringBrief, subject: SubjectBrief) -> Baselines:
    place = subject["analysis"], subject["stream"]
    own = reader.load(brief["results"], keys.own_baseline(*place))
    trained = next(filter(None, (reader.load(brief["models"], key) for key in subject["baselines"])), None)
    first = reader.load(brief["results"], keys.first_baseline(*place, subject["digest"]))
    empty = Baseline(FIRST, subject["alphabet"], brief["until"], digest=subject["digest"])
    return Baselines(
        Baseline.from_dict(own) if own else None,
        Baseline.from_dict(trained) if trained else None,
        Baseline.from_dict(first) if first else empty,
    )


def _gather(first: Baseline, brief: MonitoringBrief, inputs: Profile, predictions: Profile) -> Baseline | None:
    """Return the baseline of first results with those of this job, if it still needs some; else None.

    A job that reads the time of a failed one again adds nothing: that one may have added it.
    """
    since, until = brief["since"], brief["until"]
    sides = {"inputs": inputs, "predictions": predictions}
    lacking = {name: profile for name, profile in sides.items() if not _enough(getattr(first, name))}
    if (first.dates and since < first.dates[-1]) or not any(profile.observations for profile in lacking.values()):
        return None
    for name, profile in lacking.items():
        grown: Profile = getattr(first, name) or Profile()
        grown.add(profile)
        first = replace(first, inputs=grown) if name == "inputs" else replace(first, predictions=grown)
    return replace(first, dates=(*first.dates, until))


def _judge(
    reader: Reader, subject: SubjectBrief, history: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the qualities by truth files that were not judged before, and the reasons why others cannot be used."""
    earlier = [entry for point in history for entry in point["quality"]]
    done = {entry["version_id"] for entry in earlier}
    qualities, unusable = [], []
    for truth in subject["truths"]:
        if truth["version_id"] in done:
            continue
        try:
            quality = reader.quality(truth)
        except UnreadableTruthError as error:
            unusable.append(f"truth of upload {truth['upload']}: {error}")
            continue
        dropped = has_dropped(quality, earlier, subject["figure"])
        qualities.append({**quality.as_dict(), "dropped": dropped, **{k: truth[k] for k in ("upload", "version_id")}})
    return qualities, unusable


def _bins(old: Profile | None, new: Profile) -> dict[str, dict[str, list[int]]]:
    """Return the counts of each feature in the baseline (empty without one) and in the new results."""
    return {
        name: {
            "before": old.histograms[name].bins.tolist() if old and name in old.histograms else [],
            "after": histogram.bins.tolist(),
        }
        for name, histogram in new.histograms.items()
        if histogram.total
    }


def _point(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the history keeps of a report."""
    distances = {entry["feature"]: entry["distance"] for entry in report["comparisons"]}
    plain = {name: report[name] for name in ("date", "until", "digest", "drifted", "quality")}
    return {**plain, "distances": distances}
