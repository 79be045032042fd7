"""Rules for SageMaker's `distribution` tables: the SDK's own, and those that depend on the job's number of GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.field_translation import MPI
from seqdrop.training.distribution.profiles import is_enabled

if TYPE_CHECKING:
    from collections.abc import Collection

    from seqdrop.training.distribution.profiles import Table

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
# Fields that are whole numbers, with their least values.
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
Rules = Mapping[str, bool]
"""Message about a broken rule → whether the table obeys the rule."""


@dataclass(frozen=True)
class Job:
    """The job for which parameters are checked. `processes` is the number on all hosts; 0 if it is not known."""

    processes: int
    model: str
    is_started: bool
    """Whether MPI or torchrun starts its processes."""


def check_tables(table: Table, image_has_smp: bool, instance: str) -> None:
    """Raise DistributionRefusedError for unknown tables or fields, and for tables that exclude each other."""
    libraries = table.get("smdistributed", {})
    _check({"distribution.smdistributed must be a table": isinstance(libraries, Mapping)})
    for prefix, tables in (("", table), ("smdistributed.", libraries)):
        for name in FIELDS:
            if name in tables:
                _check_fields(prefix + name, tables[name], FIELDS[name])
    names = f"smdistributed has {' and '.join(sorted(libraries))}; it takes one of {', '.join(STRATEGIES)}"
    rules = {
        names: len(libraries) <= 1 and set(libraries) <= set(STRATEGIES),
        "pytorchddp and smdistributed exclude each other": not (libraries and "pytorchddp" in table),
    }
    if image_has_smp and libraries and not is_enabled(table, "torch_distributed"):
        message = "SageMaker's libraries of the first version do not run on p5: use torch_distributed with SMP v2"
        rules[message] = "p5.48xlarge" not in instance
    _check(rules)


def check_data_parallel(table: Table) -> None:
    """Raise DistributionRefusedError if the data-parallel library would be started twice."""
    message = "smdistributed.dataparallel starts MPI by itself: leave out [distribution.mpi]"
    _check({message: "mpi" not in table})


def check_model_parallel(parameters: Table, known: Collection[str], job: Job) -> None:
    """Raise DistributionRefusedError if parameters of the model-parallel library are wrong for the job."""
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise DistributionRefusedError(
            f"{WHERE}.{unknown[0]}: there is no such field; known fields are {', '.join(sorted(known))}"
        )
    _check(dict(_rules_of_values(parameters)))
    _check({**_rules_of_sdk(parameters), **_rules_of_job(parameters, job)})
    message = "smdistributed.modelparallel is started by MPI: write [distribution.mpi] enabled = true"
    _check({message: job.is_started})


def _rules_of_values(parameters: Table) -> Iterator[tuple[str, bool]]:
    for name, value in parameters.items():
        must_be = f"{WHERE}.{name} is {value!r}; it must be"
        if name in CHOICES:
            yield f"{must_be} one of {', '.join(CHOICES[name])}", value in CHOICES[name]
        if name in COUNTS:
            yield f"{must_be} a whole number from {COUNTS[name]}", type(value) is int and value >= COUNTS[name]
        if name in FLAGS:
            yield f"{must_be} true or false", isinstance(value, bool)
        if name == "memory_weight":
            yield f"{must_be} 0 to 1", type(value) in (int, float) and 0 <= value <= 1
        if name == "partition_file":
            yield f"{must_be} text", isinstance(value, str)


def _rules_of_sdk(parameters: Table) -> Rules:
    """Return the rules that SDK v2 applies."""
    by_hand = parameters.get("auto_partition") is False
    needs_ddp = "ddp_port" in parameters or "ddp_dist_backend" in parameters
    both = bool(parameters.get("ddp") and parameters.get("horovod"))
    return {
        "auto_partition = false needs default_partition": not by_hand or "default_partition" in parameters,
        "default_partition must be less than partitions": parameters.get("default_partition", 0)
        < _count_partitions(parameters),
        "ddp and horovod exclude each other": not both,
        "horovod is for TensorFlow; these models are PyTorch's": not parameters.get("horovod"),
        "ddp_port and ddp_dist_backend need ddp": "ddp" in parameters or not needs_ddp,
    }


def _rules_of_job(parameters: Table, job: Job) -> Rules:
    world = job.processes
    tensor, shards = parameters.get("tensor_parallel_degree", 1), parameters.get("hybrid_shard_degree", 0)
    parts = _count_partitions(parameters) * tensor * parameters.get("context_parallel_degree", 1)
    half = parameters.get("fp16") or parameters.get("fp16_params")
    partitioned = "partitions" in parameters or "pipeline_parallel_degree" in parameters
    is_first = partitioned and "hybrid_shard_degree" not in parameters
    product = "partitions × tensor_parallel_degree" if is_first else "tensor_parallel_degree × context_parallel_degree"
    shard_rule = f"hybrid_shard_degree {shards} × tensor_parallel_degree {tensor} does not divide the {world} processes"
    no_experts = "expert_parallel_degree is for models with experts; ProtT5 and ProtBERT have none"
    overflow = "fp16 with T5: its activations overflow in fp16 and the loss becomes NaN; use bf16"
    return {
        f"{product} is {parts}, which does not divide the {world} processes of the job": not world
        or world % parts == 0,
        f"{shard_rule} of the job": not world or world % (max(shards, 1) * tensor) == 0,
        "tensor_parallel_degree above 1 needs ddp = true": not is_first or tensor == 1 or parameters.get("ddp") is True,
        no_experts: parameters.get("expert_parallel_degree", 1) == 1,
        "fp16 and bf16 exclude each other": not (half and parameters.get("bf16")),
        overflow: not half or not job.model.startswith("prott5"),
    }


def _count_partitions(parameters: Table) -> int:
    return max(int(parameters.get("partitions", 1)), int(parameters.get("pipeline_parallel_degree", 1)))


def _check_fields(where: str, table: object, known: tuple[str, ...]) -> None:
    if not isinstance(table, Mapping):
        raise DistributionRefusedError(f"distribution.{where} must be a table")
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise DistributionRefusedError(
            f"distribution.{where}.{unknown[0]}: there is no such field; known fields are {', '.join(known)}"
        )
    count = table.get("processes_per_host", 0)
    options = table.get("custom_mpi_options", "")
    _check(
        {
            f"distribution.{where}.enabled must be true or false": isinstance(table.get("enabled", False), bool),
            f"distribution.{where}.parameters must be a table": isinstance(table.get("parameters", {}), Mapping),
            f"distribution.{where}.processes_per_host must be a whole number from 0": type(count) is int and count >= 0,
            f"distribution.{where}.custom_mpi_options must be text": isinstance(options, str),
        }
    )


def _check(rules: Rules) -> None:
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise DistributionRefusedError("; ".join(broken))
