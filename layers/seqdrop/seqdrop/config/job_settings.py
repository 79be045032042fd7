"""How the work of an analysis is cut into objects, requests and jobs: the table [analyses.NAME.job]."""

from __future__ import annotations

from dataclasses import dataclass, fields

from seqdrop.errors import ConfigurationError


@dataclass(frozen=True)
class JobSettings:
    """How the work of an analysis is cut into objects, requests and jobs."""

    shard_mb: int = 4
    max_payload_mb: int = 1
    windows_per_item: int = 64
    max_members: int = 50
    max_shards: int = 500
    max_windows: int = 10_000_000

    def __post_init__(self) -> None:
        for one in fields(self):
            if not isinstance(getattr(self, one.name), int) or getattr(self, one.name) < 1:
                raise ConfigurationError(f"job.{one.name} must be a whole number from 1")
        if self.max_payload_mb > 100:
            raise ConfigurationError("job.max_payload_mb: SageMaker allows 100 at the most")
        if self.max_members > 98:
            raise ConfigurationError("job.max_members: 98 at the most (one ledger transaction holds 100)")
