"""What a distribution must be in itself, whatever it is for: each rule as the sentence that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.training.distribution.profiles import PRECISIONS, PROFILES, SINGLE
from seqdrop.training.plan.instances import INSTANCES

if TYPE_CHECKING:
    from seqdrop.training.distribution.distribution import Distribution

MOST_HOSTS = 64


def rules(one: Distribution) -> dict[str, bool]:
    return {
        f"distribution.profile is {one.profile!r}; it must be one of {', '.join(PROFILES)}": one.profile in PROFILES,
        f"distribution.precision is {one.precision!r}; it must be one of {', '.join(PRECISIONS)} (fp16 is none of "
        "them: T5 overflows in it)": one.precision in PRECISIONS,
        **{
            f"distribution.{name} is {getattr(one, name)!r}; it must be true or false": isinstance(
                getattr(one, name), bool
            )
            for name in ("activation_checkpointing", "activation_offloading")
        },
        **{
            f"distribution.{name} is {getattr(one, name)!r}; it must be a whole number from {least}": _whole(
                getattr(one, name), least
            )
            for name, least in (
                ("processes_per_host", 0),
                ("hosts", 1),
                ("micro_batch", 0),
                ("accumulate", 0),
                ("lora_rank", 1),
            )
        },
    } | _combinations(one)


def _combinations(one: Distribution) -> dict[str, bool]:
    if not (_whole(one.hosts, 1) and _whole(one.processes_per_host, 0)):
        return {}
    single, offloads = one.profile == SINGLE, one.activation_offloading is True
    return {
        f"distribution.hosts is {one.hosts}; {MOST_HOSTS} at the most": one.hosts <= MOST_HOSTS,
        f"profile single is one process on one host, but hosts is {one.hosts}: take ddp or fsdp": not single
        or one.hosts == 1,
        f"profile single is one process, but processes_per_host is {one.processes_per_host}: take ddp or "
        "fsdp": not single or one.processes_per_host <= 1,
        f"activation_offloading goes with fsdp and fsdp_offload; profile {one.profile} keeps all of the model on "
        "each GPU, which offloading of activations would not make fit": not offloads or one.is_sharded,
        "activation_offloading moves the checkpoints of activations to the host, so it needs "
        "activation_checkpointing = true": not offloads or one.activation_checkpointing is True,
        "processes_per_host = 1 on more hosts leaves GPUs idle: 0 starts one a GPU": one.processes_per_host != 1
        or one.hosts == 1
        or not _has_gpus(one.instance),
    }


def _has_gpus(instance: str) -> bool:
    return bool(instance in INSTANCES and INSTANCES[instance].gpus > 1)


def _whole(value: object, least: int) -> bool:
    return type(value) is int and value >= least
