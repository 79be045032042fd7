"""Alarms on one metric as CloudWatch evaluates them: by dimensions, period by period, and when they are looked at.

ministack alone compares one statistic over all periods and all dimensions, and only when a metric is published, so an
alarm never returns to OK by itself.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ministack.services import cloudwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
MISSING = {"breaching": True, "notBreaching": False}
# The variable of the server with the seconds of a minute in which endpoints wait, and whose metrics follow it.
MINUTE, PACED = "SEQDROP_LOCAL_MINUTE", "AWS/SageMaker"


def apply() -> None:
    """Replace the evaluation of alarms on one metric, and evaluate them before they are described."""
    evaluate_otherwise, describe = cloudwatch._evaluate_alarm, cloudwatch._describe_alarms

    def evaluate(alarm: dict) -> None:
        if alarm.get("ComparisonOperator") not in COMPARISONS or not alarm.get("MetricName"):
            evaluate_otherwise(alarm)
        elif (state := find_state(alarm, time.time())) is not None:
            _set_state(alarm, state)

    def describe_current(*arguments: object, **options: object) -> object:
        for alarm in cloudwatch._alarms.values():
            refresh(alarm)
        return describe(*arguments, **options)

    cloudwatch._evaluate_alarm, cloudwatch._describe_alarms = evaluate, describe_current


def refresh(alarm: dict) -> None:
    """Evaluate an alarm whose state is older than a period; a state that was set by hand lasts so long."""
    if time.time() - alarm.get("StateUpdatedTimestamp", 0) > _period(alarm):
        cloudwatch._evaluate_alarm(alarm)


def find_state(alarm: dict, now: float) -> str | None:
    """Return the state of an alarm; None if it stays as it is, because there are no data."""
    values = list(_statistics(alarm, now))
    if all(value is None for value in values) and alarm.get("TreatMissingData", "missing") not in MISSING:
        return None
    compare = COMPARISONS[alarm["ComparisonOperator"]]
    missing = MISSING.get(alarm.get("TreatMissingData", "missing"), False)
    threshold = float(alarm.get("Threshold", 0))
    breaching = sum(missing if value is None else compare(value, threshold) for value in values)
    return "ALARM" if breaching >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"


def find_value(alarm: dict, now: float) -> float | None:
    """Return the latest statistic of an alarm; None if there are no data in its periods."""
    return next((value for value in _statistics(alarm, now) if value is not None), None)


def _statistics(alarm: dict, now: float) -> Iterator[float | None]:
    """Yield the statistic of each period, the latest first; None for a period without data."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(dimensions))
    points, period = cloudwatch._metrics.get(key) or [], _period(alarm)
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    for number in range(int(alarm.get("EvaluationPeriods", 1))):
        end = now - number * period
        recent = [point for point in points if end - period < point["Timestamp"] <= end]
        yield cloudwatch._stat_value(cloudwatch._calc_stats(recent), name, recent) if recent else None


def _period(alarm: dict) -> float:
    """Return the seconds of a period, which are fewer for metrics of endpoints if their minutes are."""
    minute = float(os.environ.get(MINUTE, 60)) if alarm.get("Namespace") == PACED else 60
    return float(alarm.get("Period", 60)) * minute / 60


def _set_state(alarm: dict, state: str) -> None:
    old = alarm["StateValue"]
    if state == old:
        return
    reason = f"Threshold Crossed: {alarm['MetricName']} {alarm['ComparisonOperator']} {alarm.get('Threshold', 0)}"
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
