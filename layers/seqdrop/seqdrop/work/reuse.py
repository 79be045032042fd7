"""Decide whether two analyses need the same work items, so that a new model can score the items of an earlier one."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis

# Settings that do not affect work items. Any setting that is neither here nor in a kind's `no_effect_on_items` does,
# unless its field is not compared at all (`promotion`, which concerns trainings).
OF_ANALYSIS = frozenset(
    {"max_gb", "max_expanded_gb", "severity", "mates", "mate_hours", "gate", "gate_hours", "markers", "md5"}
)
OF_JOB = frozenset({"max_members", "max_shards"})


def have_equal_items(first: Analysis, second: Analysis) -> bool:
    """Return True if both analyses make the same work items, in the same shards, from the same file."""
    return _item_settings(first) == _item_settings(second)


def _item_settings(analysis: Analysis) -> dict[str, Any]:
    """Return the settings of an analysis that affect work items."""
    names = [field.name for field in fields(analysis) if field.compare and field.name not in OF_ANALYSIS]
    settings = analysis.kind.parameters(analysis.settings) if analysis.settings is not None else {}
    return {name: getattr(analysis, name) for name in names} | {
        "job": _without(analysis.job.as_plan(), OF_JOB),
        "settings": _without(settings, analysis.kind.no_effect_on_items),
    }


def _without(settings: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in names}
