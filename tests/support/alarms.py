"""CloudWatch's arithmetic for the alarms of template.yaml: metrics, periods, expressions, and the state of an alarm.

The embedded AWS does not evaluate expressions, and its alarms ignore dimensions and missing data. The rules here are
those of CloudWatch's user guide: a period without data is missing, and `TreatMissingData` says what that means.
"""

from __future__ import annotations

import json
import operator
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.support.aws import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Series = dict[int, float]  # start of a period → value
Key = tuple[str, str, frozenset[tuple[str, str]]]  # namespace, name and dimensions of a metric
STATISTICS: dict[str, Callable[[list[float]], float]] = {"Sum": sum, "Maximum": max, "SampleCount": len}
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}
EXTRA = 3  # periods before those that an alarm evaluates: CloudWatch reads more, so that DIFF has something to subtract


@dataclass
class Metrics:
    """Data points of metrics. Times are seconds."""

    points: dict[Key, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, at: float, namespace: str, name: str, value: float, **dimensions: str) -> None:
        self.points[namespace, name, frozenset(dimensions.items())].append((at, value))

    def read_log(self, at: float, lines: str) -> None:
        """Add what log lines publish in the embedded metric format, as CloudWatch Logs does."""
        for line in lines.splitlines():
            record = json.loads(line) if '"_aws"' in line else {}
            for directive in record.get("_aws", {}).get("CloudWatchMetrics", []):
                for names in directive["Dimensions"]:
                    dimensions = {name: record[name] for name in names}
                    for metric in directive["Metrics"]:
                        for value in _as_list(record[metric["Name"]]):
                            self.add(at, directive["Namespace"], metric["Name"], value, **dimensions)

    def series(self, stat: dict, periods: Iterable[int]) -> Series:
        """Return the statistic of a metric in each of these periods that has data."""
        length, metric = stat["Period"], stat["Metric"]
        dimensions = frozenset((each["Name"], each["Value"]) for each in metric["Dimensions"])
        points = self.points.get((metric["Namespace"], metric["MetricName"], dimensions), [])
        groups = {start: [value for at, value in points if start <= at < start + length] for start in periods}
        return {start: float(STATISTICS[stat["Stat"]](values)) for start, values in groups.items() if values}


@dataclass
class Alarm:
    """An alarm of the template, by its name there. `mails` counts how often it was raised."""

    name: str
    state: str = "INSUFFICIENT_DATA"
    mails: int = 0

    def __post_init__(self) -> None:
        self.properties = alarms()[self.name]

    def evaluate(self, metrics: Metrics, now: float) -> str:
        """Return the state at a time, after the periods that have ended by then."""
        count, length = self.properties["EvaluationPeriods"], _period(self.properties)
        last = int(now // length) * length
        periods = range(last - (count + EXTRA) * length, last, length)
        series = _watched(self.properties, metrics, periods)
        state = self._judge([series.get(period) for period in periods[-count:]])
        self.mails += state == "ALARM" and self.state != "ALARM"
        self.state = state
        return state

    def _judge(self, values: list[float | None]) -> str:
        missing = self.properties["TreatMissingData"]
        if all(value is None for value in values) and missing in ("ignore", "missing"):
            return self.state if missing == "ignore" else "INSUFFICIENT_DATA"
        compare = COMPARISONS[self.properties["ComparisonOperator"]]
        threshold = float(self.properties["Threshold"])
        breaching = [missing == "breaching" if value is None else compare(value, threshold) for value in values]
        return "ALARM" if sum(breaching) >= self.properties.get("DatapointsToAlarm", len(values)) else "OK"


@cache
def alarms() -> dict[str, dict]:
    """Return the properties of each alarm by its name, with the values of its expressions."""
    resources = template.resources_of_type("AWS::CloudWatch::Alarm")
    return {name: template.evaluate(body) for name, body in resources.items()}


def metrics_of(alarm: dict) -> list[tuple[str, str, dict[str, str]]]:
    """Return namespace, name and dimensions of each metric of an alarm."""
    metrics = [query["MetricStat"]["Metric"] for query in _queries(alarm) if "MetricStat" in query]
    return [(it["Namespace"], it["MetricName"], {d["Name"]: d["Value"] for d in it["Dimensions"]}) for it in metrics]


def _queries(alarm: dict) -> list[dict]:
    if "Metrics" in alarm:
        return alarm["Metrics"]
    metric = {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")}
    return [{"Id": "m", "MetricStat": {"Metric": metric, "Stat": alarm["Statistic"], "Period": alarm["Period"]}}]


def _period(alarm: dict) -> int:
    (period,) = {query["MetricStat"]["Period"] for query in _queries(alarm) if "MetricStat" in query}
    return period


def _watched(alarm: dict, metrics: Metrics, periods: range) -> Series:
    queries = _queries(alarm)
    known = {query["Id"]: metrics.series(query["MetricStat"], periods) for query in queries if "MetricStat" in query}
    (result,) = [query for query in queries if query.get("ReturnData", True)]
    return known[result["Id"]] if "MetricStat" in result else calculate(result["Expression"], known, periods)


def calculate(expression: str, known: dict[str, Series], periods: Iterable[int]) -> Series:
    """Return the value of an expression of metric math. `known` are the series that it may name."""
    parser = _Parser(re.findall(r"\d+(?:\.\d+)?|\w+|>=|<=|==|[-+*/(),><]", expression), known, list(periods))
    result = parser.disjunction()
    assert not parser.tokens, parser.tokens
    return result


class _Parser:
    """A recursive descent through the grammar of metric math, as far as the template uses it."""

    OPERATORS = (
        {"OR": lambda a, b: float(bool(a) or bool(b))},
        {"AND": lambda a, b: float(bool(a) and bool(b))},
        {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "==": operator.eq},
        {"+": operator.add, "-": operator.sub},
        {"*": operator.mul, "/": operator.truediv},
    )

    def __init__(self, tokens: list[str], known: dict[str, Series], periods: list[int]):
        self.tokens, self._known, self._periods = tokens, known, periods

    def disjunction(self, level: int = 0) -> Series | list[Series]:
        if level == len(self.OPERATORS):
            return self._operand()
        left = self.disjunction(level + 1)
        while self.tokens and self.tokens[0] in self.OPERATORS[level]:
            apply, right = self.OPERATORS[level][self.tokens.pop(0)], self.disjunction(level + 1)
            left = {at: float(apply(left[at], right[at])) for at in left if at in right}
        return left

    def _operand(self) -> Series | list[Series]:
        token = self.tokens.pop(0)
        if token == "(":
            value = self.disjunction()
            self._expect(")")
            return value
        if token[0].isdigit():
            return dict.fromkeys(self._periods, float(token))
        if self.tokens and self.tokens[0] == "(":
            return getattr(self, f"_{token.lower()}")(*self._arguments())
        return self._known[token]

    def _arguments(self) -> list[Series]:
        self._expect("(")
        values = []
        while self.tokens[0] != ")":
            values.append(self.disjunction())
            if self.tokens[0] == ",":
                self.tokens.pop(0)
        self._expect(")")
        return values

    def _expect(self, token: str) -> None:
        assert self.tokens.pop(0) == token

    def _metrics(self) -> list[Series]:
        return list(self._known.values())

    def _sum(self, series: list[Series]) -> Series:
        """Add up what there is in each period. Periods in which every series is missing are missing."""
        times = {at for each in series for at in each}
        return {at: sum(each[at] for each in series if at in each) for at in times}

    def _fill(self, series: Series, other: Series) -> Series:
        return other | series

    def _diff(self, series: Series) -> Series:
        times = sorted(series)
        return {at: series[at] - series[before] for before, at in pairwise(times)}

    def _if(self, condition: Series, yes: Series, no: Series) -> Series:
        chosen = {at: (yes if condition[at] else no) for at in condition}
        return {at: series[at] for at, series in chosen.items() if at in series}


def _as_list(value: float | list[float]) -> list[float]:
    return value if isinstance(value, list) else [value]
