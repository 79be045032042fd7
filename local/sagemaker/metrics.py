"""The metrics of a training job, extracted from its log by the regular expressions of its request."""

import math
import re
from pathlib import Path


def extract_final_metrics(log: Path, definitions: list[dict]) -> list[dict]:
    """Return the last value of each metric in the log, with the time at which the log was last written."""
    if not log.exists():
        return []
    text, when = log.read_text(errors="replace"), log.stat().st_mtime
    metrics = []
    for definition in definitions:
        values = [value for match in re.finditer(definition["Regex"], text) if (value := _number(match)) is not None]
        if values:
            metrics.append({"MetricName": definition["Name"], "Value": values[-1], "Timestamp": when})
    return metrics


def _number(match: re.Match[str]) -> float | None:
    """Return the first group as a number; None if it is not a finite number."""
    try:
        value = float(match.group(1))
    except (IndexError, TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
