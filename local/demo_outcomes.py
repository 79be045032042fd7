"""What the demo shows of each file: its final state, what was found in it, and how it is archived."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from rich.box import ROUNDED
from rich.table import Table
from rich.text import Text
from seqdrop_cli.results import fetch_results, read_json
from seqdrop_cli.upload_table import Key

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from rich.console import Console
    from seqdrop_cli.progress import Progress
    from seqdrop_cli.target import Target


def describe_outcome(s3: S3Client, target: Target, upload: Progress, folder: Path) -> tuple[str, str, str, str]:
    """Download the results of an upload to a folder; return key, state, what was found, and how it is archived."""
    files = fetch_results(target, upload, folder)
    outcome = _describe_results(upload, files)
    if read_json(files, "report.json").get("mate", {}).get("checked"):
        outcome += "; pair checked"
    return upload.key, upload.state, outcome, _describe_archive(s3, target, read_json(files, "receipt.json"))


def _describe_results(upload: Progress, files: list[Path]) -> str:
    summary, reason = read_json(files, "summary.json"), read_json(files, "reason.json")
    if "version" in summary:
        return _describe_training(summary)
    if reason:
        place = f": record {reason['record']}, line {reason['line']}" if reason["record"] else ""
        return f"{reason['code']}{place}"
    if "counts" in summary:
        return _describe_counts(summary)
    return "validated" if upload.state == "ARCHIVED" else upload.detail


def _describe_training(summary: dict[str, Any]) -> str:
    """Return which model was trained, its quality (Q3), and whether it was registered as a candidate."""
    state = "now the current model" if summary["current"] else "registered as a candidate"
    return f"trained {summary['model']} {summary['version']}: Q3 {summary['card']['figure']:.2f}, {state}"


def _describe_counts(summary: dict[str, Any]) -> str:
    """Return the numbers of the result files; calls are those of calls.bed, where neighbours are one call."""
    counts, structure = summary["counts"], summary.get("structure") or {}
    if "proteins" in counts:
        states = structure.get("composition", {}).items()
        shares = ", ".join(f"{share:.0%} {state}" for state, share in states)
        return f"{counts['proteins']:,} proteins, {counts['residues']:,} residues{': ' * bool(shares)}{shares}"
    left_out = sum(counts["not_scored"].values())
    calls = f", {_describe_calls(summary['calls'])}" if "calls" in summary else ""
    return f"{counts['windows']:,} windows{calls}" + (f", {left_out:,} not scored" if left_out else "")


def _describe_calls(calls: dict[str, Any]) -> str:
    kept = calls.get("kept")
    return f"{calls['windows']:,} windows called" if kept is None else f"{kept:,} calls"


def _describe_archive(s3: S3Client, target: Target, receipt: dict[str, Any]) -> str:
    """Return the storage class that S3 reports for the copy, and whether its checksum is that of the receipt."""
    if not receipt:
        return "left in the landing bucket"
    head = s3.head_object(Bucket=target.archive, Key=receipt["archive"]["key"], ChecksumMode="ENABLED")
    is_same = base64.b64decode(head["ChecksumSHA256"]).hex() == receipt["landing"]["sha256"]
    return f"{head['StorageClass']}, checksum {'verified' if is_same else 'DIFFERS'}"


def print_outcomes(console: Console, rows: list[tuple[str, str, str, str]]) -> None:
    """Print a table on a terminal, else a tab-separated line for each file: key, state, what was found, raw data."""
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table(title="Outcome of each file", title_justify="left", box=ROUNDED)
    for name in ("file", "state", "found", "raw data"):
        table.add_column(name, no_wrap=name == "state")
    for key, state, outcome, archive in rows:
        colour = {"ARCHIVED": "green", "WAITING": "yellow"}.get(state, "red")
        table.add_row(Key(key), Text(state, colour), Text(outcome), archive)
    console.print(table)
