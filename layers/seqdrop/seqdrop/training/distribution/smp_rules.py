"""What SageMaker's `distribution` tables may hold: the SDK's own rules, and what cannot be on so many GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.field_translation import MPI

STRATEGIES = ("modelparallel", "dataparallel")
FIELDS = {
    "modelparallel": ("enabled", "parameters"),
    "dataparallel": ("enabled", "custom_mpi_options"),
    "torch_distributed": ("enabled",),
    "pytorchddp": ("enabled", "custom_mpi_options"),
    "mpi": tuple(MPI),
}
CHOICES = {
    "pipeline": ("simple", "interleaved", "_only_forward"),
    "placement_strategy": ("spread", "cluster"),
    "optimize": ("speed", "memory"),
}
# Whole numbers, and from which.
COUNTS = {
    **dict.fromkeys(("partitions", "pipeline_parallel_degree", "microbatches", "active_microbatches"), 1),
    **dict.fromkeys(("tensor_parallel_degree", "sharded_data_parallel_degree"), 1),
    **dict.fromkeys(("context_parallel_degree", "expert_parallel_degree"), 1),
    **dict.fromkeys(("hybrid_shard_degree", "default_partition", "ddp_port", "random_seed"), 0),
    "activation_loading_horizon": 1,
}
FLAGS = (
    *("auto_partition", "contiguous", "load_partition", "horovod", "ddp", "deterministic_server", "fp16", "bf16"),
    *("fp16_params", "shard_optimizer_state", "prescaled_batch", "skip_tracing", "offload_activations"),
    *("delayed_parameter_initialization", "activation_offloading", "activation_checkpointing"),
    *("sm_activation_offloading", "fsdp_cache_flush_warnings", "allow_empty_shards"),
)
WHERE = "smdistributed.modelparallel.parameters"


def check_tables(table: Mapping, image_has_smp: bool, instance: str) -> None:
    """The tables themselves: what they are called, and which of them go together."""
    libraries = table.get("smdistributed", {})
    _hold({"distribution.smdistributed must be a table": isinstance(libraries, Mapping)})
    for where, one in (("", table), ("smdistributed.", libraries)):
        for name in FIELDS:
            if name in one:
                _check_fields(where + name, one[name], FIELDS[name])
    rules = {
        f"smdistributed has {' and '.join(sorted(libraries))}; it takes one of {', '.join(STRATEGIES)}": len(libraries)
        <= 1
        and set(libraries) <= set(STRATEGIES),
        "pytorchddp and smdistributed exclude each other": not (libraries and "pytorchddp" in table),
    }
    if image_has_smp and libraries and not _on(table, "torch_distributed"):
        rules["SageMaker's libraries of the first version do not run on p5: use torch_distributed with SMP v2"] = (
            "p5.48xlarge" not in instance
        )
    _hold(rules)


def check_data(table: Mapping) -> None:
    _hold({"smdistributed.dataparallel starts MPI by itself: leave [distribution.mpi] out": "mpi" not in table})


def check_model(parameters: Mapping, fields: Mapping, world: int, model: str, started: bool) -> None:
    """The parameters of the model-parallel library, for a job of so many processes (0: not known)."""
    unknown = sorted(set(parameters) - set(fields))
    if unknown:
        raise DistributionRefusedError(
            f"{WHERE}.{unknown[0]}: there is no such field; it has {', '.join(sorted(fields))}"
        )
    _hold(dict(_of_values(parameters)))
    _hold(_of_the_sdk(parameters) | _of_the_job(parameters, world, model))
    _hold({"smdistributed.modelparallel is started by MPI: say [distribution.mpi] enabled = true": started})


def _of_values(parameters: Mapping) -> Iterator[tuple[str, bool]]:
    for name, value in parameters.items():
        said = f"{WHERE}.{name} is {value!r}; it must be"
        if name in CHOICES:
            yield f"{said} one of {', '.join(CHOICES[name])}", value in CHOICES[name]
        if name in COUNTS:
            yield f"{said} a whole number from {COUNTS[name]}", type(value) is int and value >= COUNTS[name]
        if name in FLAGS:
            yield f"{said} true or false", isinstance(value, bool)
        if name == "memory_weight":
            yield f"{said} 0 to 1", type(value) in (int, float) and 0 <= value <= 1
        if name == "partition_file":
            yield f"{said} text", isinstance(value, str)


def _of_the_sdk(given: Mapping) -> dict[str, bool]:
    """What SDK v2 refuses."""
    by_hand = given.get("auto_partition") is False
    return {
        "auto_partition = false needs default_partition": not by_hand or "default_partition" in given,
        "default_partition must be less than partitions": given.get("default_partition", 0) < _partitions(given),
        "ddp and horovod exclude each other": not (given.get("ddp") and given.get("horovod")),
        "horovod is for TensorFlow; these models are PyTorch's": not given.get("horovod"),
        "ddp_port and ddp_dist_backend need ddp": "ddp" in given
        or not ("ddp_port" in given or "ddp_dist_backend" in given),
    }


def _of_the_job(given: Mapping, world: int, model: str) -> dict[str, bool]:
    tensor, shards = given.get("tensor_parallel_degree", 1), given.get("hybrid_shard_degree", 0)
    parts = _partitions(given) * tensor * given.get("context_parallel_degree", 1)
    half = given.get("fp16") or given.get("fp16_params")
    first = "hybrid_shard_degree" not in given and ("partitions" in given or "pipeline_parallel_degree" in given)
    product = "partitions × tensor_parallel_degree" if first else "tensor_parallel_degree × context_parallel_degree"
    return {
        f"{product} is {parts}, which does not divide the {world} processes of the job": not world
        or world % parts == 0,
        f"hybrid_shard_degree {shards} × tensor_parallel_degree {tensor} does not divide the {world} processes of the "
        "job": not world or world % (max(shards, 1) * tensor) == 0,
        "tensor_parallel_degree above 1 needs ddp = true": not first or tensor == 1 or given.get("ddp") is True,
        "expert_parallel_degree is for models with experts; ProtT5 and ProtBERT have none": given.get(
            "expert_parallel_degree", 1
        )
        == 1,
        "fp16 and bf16 exclude each other": not (half and given.get("bf16")),
        "fp16 with T5: its activations overflow in fp16 and the loss becomes NaN; say bf16": not half
        or not model.startswith("prott5"),
    }


def _partitions(given: Mapping) -> int:
    return max(given.get("partitions", 1), given.get("pipeline_parallel_degree", 1))


def _check_fields(where: str, one: object, fields: tuple[str, ...]) -> None:
    if not isinstance(one, Mapping):
        raise DistributionRefusedError(f"distribution.{where} must be a table")
    unknown = sorted(set(one) - set(fields))
    if unknown:
        raise DistributionRefusedError(
            f"distribution.{where}.{unknown[0]}: there is no such field; it has {', '.join(fields)}"
        )
    count = one.get("processes_per_host", 0)
    _hold(
        {
            f"distribution.{where}.enabled must be true or false": isinstance(one.get("enabled", False), bool),
            f"distribution.{where}.parameters must be a table": isinstance(one.get("parameters", {}), Mapping),
            f"distribution.{where}.processes_per_host must be a whole number from 1": type(count) is int and count >= 0,
            f"distribution.{where}.custom_mpi_options must be text": isinstance(one.get("custom_mpi_options", ""), str),
        }
    )


def _on(table: Mapping, name: str) -> bool:
    return table.get(name, {}).get("enabled", False) is True


def _hold(rules: Mapping[str, bool]) -> None:
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise DistributionRefusedError("; ".join(broken))
