"""The profiles of distribution, and the translation of a field of SageMaker's own tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Table = Mapping[str, Any]
"""A table of job.toml as `tomllib` returns it."""
SINGLE, DDP, FSDP, FSDP_OFFLOAD, LORA = PROFILES = ("single", "ddp", "fsdp", "fsdp_offload", "lora")
SHARDED = (FSDP, FSDP_OFFLOAD)
PRECISIONS = ("auto", "bf16", "fp32")


@dataclass(frozen=True)
class Translation:
    """The translation of a field of a SageMaker table, with its reason."""

    field: str
    value: object
    becomes: str
    why: str


def is_enabled(table: Table, name: str) -> bool:
    """Return True if the table has a subtable of this name with enabled = true."""
    return table.get(name, {}).get("enabled", False) is True
