"""Whether work items that were cut under one analysis serve another: a new model may be asked about old work."""

from __future__ import annotations

from dataclasses import asdict

from seqdrop.config.analyses import Analysis

# Settings that work items do not depend on: the job, its container and the results go by them. Of any other it is
# taken for granted that they do.
OF_ANALYSIS = frozenset({"max_gb", "severity", "mates", "mate_hours", "gate", "gate_hours"})
OF_JOB = frozenset({"max_members", "max_shards"})
OF_USE = frozenset(
    {"model", "k", "threshold", "label", "tracks", "prior", "distance", "precision", "short", "max_n_fraction"}
)


def cuts_alike(one: Analysis, other: Analysis) -> bool:
    """Whether the two make the same work items, in the same shards, of the same file."""
    return _cut(one) == _cut(other)


def _cut(analysis: Analysis) -> dict:
    told = asdict(analysis)
    job, use = _without(told.pop("job"), OF_JOB), _without(told.pop("use") or {}, OF_USE)
    return _without(told, OF_ANALYSIS) | {"job": job, "use": use}


def _without(settings: dict, names: frozenset[str]) -> dict:
    return {name: value for name, value in settings.items() if name not in names}
