"""The metrics of a training job: what its log says, by the expressions that it was created with."""

import re
from pathlib import Path


def final_metrics(log: Path, definitions: list[dict]) -> list[dict]:
    """The last value of each metric that the log tells, with the time of the end."""
    if not log.exists():
        return []
    text, when = log.read_text(errors="replace"), log.stat().st_mtime
    found = []
    for one in definitions:
        values = [value for match in re.finditer(one["Regex"], text) if (value := _number(match)) is not None]
        if values:
            found.append({"MetricName": one["Name"], "Value": values[-1], "Timestamp": when})
    return found


def _number(match: re.Match) -> float | None:
    """The first group as a number."""
    try:
        value = float(match.group(1))
    except (IndexError, TypeError, ValueError):
        return None
    return value if value == value and abs(value) != float("inf") else None
