"""The table [analyses.NAME.job] of analyses.toml."""

from __future__ import annotations

from dataclasses import dataclass, fields

from seqdrop.config.fields import Number, Table, Whole, setting


@dataclass(frozen=True)
class JobSettings(Table):
    """How the work of an analysis is cut into objects, requests and transform jobs."""

    table = "job"

    shard_mb: int = setting(4, Whole(1))
    """Megabytes of one input object; objects are distributed over instances."""
    max_payload_mb: int = setting(1, Whole(1, 100))
    """Largest request to the container in megabytes; SageMaker allows 100."""
    windows_per_item: int = setting(64, Whole(1))
    """A long record is cut into work items of this many windows."""
    max_members: int = setting(50, Whole(1, 98))
    """Uploads that may share one job; one transaction of the ledger holds 100 records."""
    max_shards: int = setting(500, Whole(1))
    """Input objects of a job that several uploads share; a larger upload has its own job."""
    max_windows: int = setting(10_000_000, Whole(1))
    """An upload with more windows (for proteins: residues) is rejected: one Lambda imports all its predictions."""
    windows_per_second: float = setting(0.0, Number(0, 1e9, as_float=True), compare=False)
    """Windows (for proteins: residues) that one instance scores in a second, for the estimate of a job's time and cost.
    A rate that an earlier job with the same model and instance type has measured replaces it. 0: not known; then a job
    is only stopped at the limit."""

    def as_plan(self) -> dict[str, int]:
        """Return the settings that are stored with an attempt: those that its work depends on."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.compare}
