"""The ways in which a job is spread, by name, and what became of what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

SINGLE, DDP, FSDP, FSDP_OFFLOAD, LORA = PROFILES = ("single", "ddp", "fsdp", "fsdp_offload", "lora")
SHARDED = (FSDP, FSDP_OFFLOAD)
PRECISIONS = ("auto", "bf16", "fp32")


@dataclass(frozen=True)
class Translation:
    """What became of one field that was asked for."""

    field: str
    value: object
    becomes: str
    why: str
