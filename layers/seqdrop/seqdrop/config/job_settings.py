"""The table [analyses.NAME.job] of analyses.toml."""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.config.fields import Table, Whole, setting


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
