"""Calls as BED6. Format: https://samtools.github.io/hts-specs/BEDv1.pdf (0-based half-open, score 0 to 1000)."""

from __future__ import annotations


def bed_line(row: dict, label: str) -> str | None:
    """The row of a called window; None for any other."""
    if not row.get("call"):
        return None
    score = round(1000 * row["probability"])
    fields = (row["record"], row["start"], row["end"], label.replace(" ", "_"), score, row["strand"])
    return "\t".join(map(str, fields)) + "\n"
