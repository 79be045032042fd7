"""CloudWatch's data as other services of the account use them; ministack's event loop must call these functions."""

from __future__ import annotations

import time


def put_metrics(namespace: str, data: list[dict]) -> None:
    """Publish metrics; alarms on them are evaluated before this returns."""
    from ministack.services import cloudwatch

    cloudwatch._put_metric_data({}, {"Namespace": namespace, "MetricData": data}, False, is_json=True)


def read_statistic(
    namespace: str, metric: str, dimensions: dict[str, str], statistic: str, start: float, end: float
) -> float | None:
    """Return a statistic of the data of a period; None if there are none."""
    from ministack.services import cloudwatch

    points = cloudwatch._metrics.get((namespace, metric, cloudwatch._dims_key(dimensions))) or []
    recent = [point for point in points if start < point["Timestamp"] <= end]
    return cloudwatch._stat_value(cloudwatch._calc_stats(recent), statistic, recent) if recent else None


def find_excesses(action: str) -> list[float]:
    """Return value minus threshold for each alarm in state ALARM that has this action; 0 if it has no value."""
    from ministack.services import cloudwatch

    from local.patches import alarm_evaluation

    excesses = []
    for alarm in cloudwatch._alarms.values():
        if action in alarm.get("AlarmActions", []) and alarm.get("ActionsEnabled", True):
            alarm_evaluation.refresh(alarm)
            if alarm["StateValue"] == "ALARM":
                value = alarm_evaluation.find_value(alarm, time.time())
                excesses.append(0.0 if value is None else value - float(alarm.get("Threshold", 0)))
    return excesses
