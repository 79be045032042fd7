"""What the summary of predictions says, in a line for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seqdrop_cli.results import ResultFile
    from seqdrop_cli.target import Target

SUMMARY = "summary.json"


def describe_predictions(target: Target, files: Sequence[ResultFile]) -> Iterator[str]:
    """Yield a line for each attempt among the files of an upload. Reads its summary from S3."""
    s3 = target.client("s3")
    for file in files:
        folder, _, name = file.name.rpartition("/")
        if name == SUMMARY:
            summary = json.loads(s3.get_object(Bucket=target.results, Key=file.key)["Body"].read())
            if line := describe_summary(summary):
                yield f"{folder}: {line}" if folder else line


def describe_summary(summary: dict[str, Any]) -> str:
    """Return what was predicted, or which model was trained; "" if the summary has no counts."""
    if "version" in summary:
        state = "now the current model" if summary.get("current") else "registered as a candidate"
        return f"trained {summary.get('model')} {summary['version']}, {state}"
    counts = summary.get("counts")
    if not counts:
        return ""
    if "proteins" in counts:
        return f"{counts['proteins']:,} proteins, {counts['residues']:,} residues"
    parts = [f"{counts['windows']:,} windows"] if "windows" in counts else []
    return ", ".join([*parts, *_describe_calls(summary), *_describe_left_out(counts)])


def _describe_calls(summary: dict[str, Any]) -> Iterator[str]:
    calls = summary.get("calls") or {}
    if "kept" in calls:
        yield f"{calls['kept']:,} calls in calls.bed"
    if "windows" in calls:
        yield f"{calls['windows']:,} windows called"
    rates = (summary.get("expected_false_calls") or {}).get("windows_per_kb", {}).values()
    if rates and calls.get("scored_kb"):
        least, most = (round(rate * calls["scored_kb"]) for rate in (min(rates), max(rates)))
        yield f"{least:,} to {most:,} windows would be called by chance in DNA without promoters"


def _describe_left_out(counts: dict[str, Any]) -> Iterator[str]:
    if left_out := sum((counts.get("not_scored") or {}).values()):
        yield f"{left_out:,} not scored"
