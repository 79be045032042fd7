"""Alarms on an expression of several metrics, which ministack's CloudFormation refuses. They are kept, not evaluated.

Their state stays INSUFFICIENT_DATA. tests/support/alarms.py evaluates the alarms of the template.
"""

from __future__ import annotations

from ministack.services.cloudformation import provisioners

OF_ONE_METRIC = ("Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit")


def apply() -> None:
    """Keep the expressions of an alarm in its record, without the properties that only an alarm on one metric has."""
    make_record = provisioners._cw_metric_alarm_record

    def make_record_with_expressions(name: str, props: dict) -> dict:
        queries = props.get("Metrics")
        if not queries:
            return make_record(name, props)
        _check(queries)
        others = {key: value for key, value in props.items() if key != "Metrics"}
        record = make_record(name, others | {"Namespace": "-", "MetricName": "-"})
        for key in OF_ONE_METRIC:
            record.pop(key, None)
        return record | {"Metrics": queries}

    provisioners._cw_metric_alarm_record = make_record_with_expressions


def _check(queries: list[dict]) -> None:
    """Raise ValueError for an alarm that CloudWatch refuses: at most ten metrics, and one result."""
    metrics = [query for query in queries if "MetricStat" in query]
    results = [query for query in queries if str(query.get("ReturnData", True)).lower() == "true"]
    if len(metrics) > 10 or len(queries) - len(metrics) > 10:
        raise ValueError("an alarm has at most ten metrics and ten expressions")
    if len(results) != 1:
        raise ValueError("exactly one entry of Metrics must have ReturnData")
