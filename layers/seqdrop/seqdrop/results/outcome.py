"""What a person wants to know of the results of an attempt, from its summary.json: for pages of files and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from seqdrop.aws import keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Attempt


class Calls(TypedDict):
    """Calls of a promoter analysis. `kept` is the number of lines of calls.bed; None without tracks.

    `false_low` and `false_high` are the windows that the model would call if no DNA of the file had the class, by the
    shares of the model card in coding sequence and introns; None if the card has none.
    """

    windows: int
    kept: int | None
    scored_kb: float
    false_low: float | None
    false_high: float | None


class Outcome(TypedDict):
    """The outcome of an attempt. `prefix` is that of its files; `at` is the time of its state.

    Fields after `reason` are None without a summary, or for kinds that have no such figure.
    """

    analysis: str
    number: int
    state: str
    at: str
    reason: str
    prefix: str
    files: list[str]
    model: str
    model_sha256: str
    version: str
    windows: int | None
    scored: int | None
    calls: Calls | None
    proteins: int | None
    residues: int | None
    composition: dict[str, float] | None
    usd: float | None


def describe_outcome(attempt: Attempt, summary: Mapping[str, Any] | None) -> Outcome:
    """Return the outcome of an attempt; `summary` is the content of its summary.json, if it made predictions."""
    content = summary or {}
    counts, model = content.get("counts", {}), content.get("model", {})
    return {
        "analysis": attempt.analysis,
        "number": attempt.number,
        "state": attempt.state,
        "at": attempt.timeline.get(attempt.state, ""),
        "reason": attempt.reason,
        "prefix": keys.result(attempt.analysis, attempt.upload_id, attempt.number, ""),
        "files": [*content.get("files", []), "summary.json"] if summary else [],
        "model": model.get("name", ""),
        "model_sha256": model.get("sha256", ""),
        "version": content.get("seqdrop", ""),
        "windows": counts.get("windows"),
        "scored": counts.get("scored"),
        "calls": _describe_calls(content) if "calls" in content else None,
        "proteins": counts.get("proteins"),
        "residues": counts.get("residues"),
        "composition": content.get("structure", {}).get("composition"),
        "usd": content.get("computed", {}).get("usd"),
    }


def _describe_calls(summary: Mapping[str, Any]) -> Calls:
    calls, false_calls = summary["calls"], summary.get("expected_false_calls")
    rates = sorted(false_calls["windows_per_kb"].values()) if false_calls else []
    expected = [round(rate * calls["scored_kb"], 1) for rate in rates]
    return {
        "windows": calls["windows"],
        "kept": calls.get("kept"),
        "scored_kb": calls["scored_kb"],
        "false_low": expected[0] if expected else None,
        "false_high": expected[-1] if expected else None,
    }
