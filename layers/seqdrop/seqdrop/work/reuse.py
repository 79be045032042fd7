"""Whether work items that were cut under one analysis serve another: a new model may be asked about old work."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis

# Settings that do not affect work items; a kind names those of its own. Any setting not listed is assumed to.
OF_ANALYSIS = frozenset({"max_gb", "severity", "mates", "mate_hours", "gate", "gate_hours"})
OF_JOB = frozenset({"max_members", "max_shards"})


def have_equal_items(one: Analysis, other: Analysis) -> bool:
    """Return True if the two make the same work items, in the same shards, of the same file."""
    return _cut(one) == _cut(other)


def _cut(analysis: Analysis) -> dict:
    common = {one.name: getattr(analysis, one.name) for one in fields(analysis) if one.name not in OF_ANALYSIS}
    settings = asdict(analysis.settings) if analysis.has_model else {}
    return common | {
        "job": _without(asdict(analysis.job), OF_JOB),
        "settings": _without(settings, analysis.kind.no_effect_on_items),
    }


def _without(settings: dict, names: frozenset[str]) -> dict:
    return {name: value for name, value in settings.items() if name not in names}
