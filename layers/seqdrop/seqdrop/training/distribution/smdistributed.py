"""SageMaker's own `distribution` tables: what goes to its libraries as it is, and what becomes of it without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.field_translation import FSDP_WHY, MPI, NOTHING, V1, V2
from seqdrop.training.distribution.launch import as_the_sdk
from seqdrop.training.distribution.profiles import DDP, FSDP, SINGLE, Translation
from seqdrop.training.distribution.smp_rules import check_data, check_model, check_tables
from seqdrop.training.plan.instances import INSTANCES

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where the data-parallel library runs (the SDK's own list, of what is still to be had).
DATA_PARALLEL_ON = ("ml.p3.16xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge")


def translate(table: Mapping, image_has_smp: bool, instance: str, model: str) -> tuple[dict, list[Translation]]:
    """The fields of a Distribution, and the translation of each of the table's. Raises DistributionRefusedError."""
    check_tables(table, image_has_smp, instance)
    libraries = table.get("smdistributed", {})
    parameters = _enabled(libraries, "modelparallel").get("parameters", {})
    if _is_on(libraries, "modelparallel"):
        changes, translations = _model_parallel(table, parameters, image_has_smp, instance, model)
    elif _is_on(libraries, "dataparallel"):
        changes, translations = _data_parallel(table, image_has_smp, instance)
    else:
        changes, translations = _plain(table)
    return _counted(table, instance) | changes, translations


def _model_parallel(
    table: Mapping, parameters: Mapping, image_has_smp: bool, instance: str, model: str
) -> tuple[dict, list[Translation]]:
    second = _is_on(table, "torch_distributed")
    world = _world(table, instance)
    check_model(parameters, V2 if second else V1, world, model, bool(table.get("mpi")) or second)
    changes, translations = (_second if second else _first)(parameters, world)
    where = "smdistributed.modelparallel.parameters."
    translations = [Translation(where + one.field, one.value, one.becomes, one.why) for one in translations]
    if image_has_smp:
        kept = [
            Translation(where + name, value, "the same", "the image has the library")
            for name, value in parameters.items()
        ]
        return changes | {"launch": tuple(as_the_sdk(table, instance).items())}, kept
    return changes, translations + ([] if second else _of_mpi(table.get("mpi", {})))


def _first(parameters: Mapping, world: int) -> tuple[dict, list[Translation]]:
    """SMP v1, the library of the chapter: pipelines of partitions, tensor parallelism, sharded optimizer state."""
    ways = {name: parameters.get(name, 1) for name in ("partitions", "pipeline_parallel_degree")}
    parts = max(ways.values()) * parameters.get("tensor_parallel_degree", 1)
    shards = parameters.get("shard_optimizer_state") or parameters.get("sharded_data_parallel_degree", 1) > 1
    profile = FSDP if parts > 1 or shards else (DDP if world != 1 else SINGLE)
    return _made(parameters, V1, profile, world)


def _second(parameters: Mapping, world: int) -> tuple[dict, list[Translation]]:
    """SMP v2: FSDP by PyTorch itself, with more ways to split a layer."""
    degree = parameters.get("hybrid_shard_degree", 0)
    tensor = parameters.get("tensor_parallel_degree", 1)
    context = parameters.get("context_parallel_degree", 1)
    profile = DDP if degree == 1 and tensor == 1 and context == 1 else FSDP
    return _made(parameters, V2, profile, world)


def _made(parameters: Mapping, fields: Mapping, profile: str, world: int) -> tuple[dict, list[Translation]]:
    offloads = any(parameters.get(name) for name in ("offload_activations", "sm_activation_offloading"))
    offloads = bool(offloads or parameters.get("activation_offloading"))
    if offloads and profile != FSDP:
        raise DistributionRefusedError(
            f"the table asks for {profile}, a whole copy of the model on each GPU, and to offload activations: "
            "offloading goes with a model that is split (partitions, shard_optimizer_state or hybrid_shard_degree)"
        )
    checkpoints = bool(parameters.get("activation_checkpointing", profile == FSDP)) or offloads
    changes = {
        "profile": profile,
        "activation_checkpointing": checkpoints,
        "activation_offloading": offloads,
        "accumulate": parameters.get("microbatches", 0),
    }
    translations = [_translate_field(name, value, fields, profile, world) for name, value in parameters.items()]
    if profile == FSDP and "activation_checkpointing" not in parameters:
        why = "the library checkpoints from within the script; FSDP is taken where memory is short"
        translations.append(Translation("(not given)", None, "activation_checkpointing = true", why))
    return changes, translations


def _translate_field(name: str, value: object, fields: Mapping, profile: str, world: int) -> Translation:
    if fields[name] is not None:
        return Translation(name, value, *fields[name])
    return Translation(name, value, *_by_value(name, value, profile, world))


def _by_value(name: str, value: object, profile: str, world: int) -> tuple[str, str]:
    """What a field becomes whose translation depends on its value."""
    over = f"over all {world} GPUs" if world else "over all GPUs"
    if name in ("fp16", "fp16_params"):
        return ("precision = auto", "bf16 where the GPU has it: as small, with the range of fp32") if value else _OFF
    if name == "bf16":
        return ("precision = auto", "bf16 where the GPU has it") if value else _OFF
    if name == "microbatches":
        return f"accumulate = {value}", "as many forward passes to a step, each of tokens_per_batch on each GPU"
    if name == "ddp":
        return (profile, "every GPU has a batch of its own") if value else (NOTHING, "GPUs without a batch would idle")
    if name == "activation_checkpointing":
        return f"activation_checkpointing = {str(bool(value)).lower()}", "the same"
    if name in ("offload_activations", "sm_activation_offloading", "activation_offloading"):
        return ("activation_offloading = true, with activation_checkpointing", "by PyTorch") if value else _OFF
    if name == "shard_optimizer_state":
        return (
            (FSDP, f"the optimizer's state is sharded {over}, and with it parameters and gradients") if value else _OFF
        )
    if name == "hybrid_shard_degree":
        return _hybrid(value, profile, over)
    if name == "context_parallel_degree" and value > 1:
        return "activation_checkpointing", "long sequences fit by checkpointing; no sequence is split over GPUs"
    return (profile, f"{FSDP_WHY}, {over}") if value != 1 and value is not False else (NOTHING, "1 is no split")


_OFF = NOTHING, "it is off"


def _hybrid(value: int, profile: str, over: str) -> tuple[str, str]:
    if profile == DDP:
        return DDP, "1 shards nothing"
    if value in (0, 1):
        return FSDP, f"sharded {over}"
    return FSDP, f"sharded {over} and not over {value}: less memory on each, more traffic"


def _data_parallel(table: Mapping, image_has_smp: bool, instance: str) -> tuple[dict, list[Translation]]:
    name = "smdistributed.dataparallel.enabled"
    check_data(table)
    if image_has_smp and instance in DATA_PARALLEL_ON:
        translation = Translation(name, True, "the same", "the image and the instance have the library")
        return {"profile": DDP, "launch": tuple(as_the_sdk(table, instance).items())}, [translation]
    lacks = f"{instance or 'the instance'} has no such network" if image_has_smp else "the image has no such library"
    translations = [Translation(name, True, DDP, f"{lacks}; NCCL by PyTorch sums the gradients as well")]
    if "custom_mpi_options" in table["smdistributed"]["dataparallel"]:
        options = table["smdistributed"]["dataparallel"]["custom_mpi_options"]
        translations.append(
            Translation("smdistributed.dataparallel.custom_mpi_options", options, NOTHING, "there is no MPI")
        )
    return {"profile": DDP}, translations


def _plain(table: Mapping) -> tuple[dict, list[Translation]]:
    """torch_distributed and pytorchddp by themselves, and tables in which nothing is enabled."""
    for name in ("torch_distributed", "pytorchddp"):
        if _is_on(table, name):
            return {"profile": DDP}, [
                Translation(f"{name}.enabled", True, DDP, "one process a GPU, started by torchrun")
            ]
    off = [f"smdistributed.{name}" for name in table.get("smdistributed", {})] or [
        name for name in table if name in ("torch_distributed", "pytorchddp", "mpi")
    ]
    return {"profile": SINGLE}, [Translation(f"{name}.enabled", False, SINGLE, "it is not enabled") for name in off]


def _counted(table: Mapping, instance: str) -> dict:
    count = table.get("mpi", {}).get("processes_per_host", 0)
    found = INSTANCES.get(instance)
    if found and found.gpus and count > found.gpus:
        raise DistributionRefusedError(f"mpi.processes_per_host is {count}, and {instance} has {found.gpus} GPUs")
    return {"processes_per_host": count} if _is_on(table.get("smdistributed", {}), "modelparallel") else {}


def _world(table: Mapping, instance: str) -> int:
    """Processes of the whole job, as far as is known; 0 where it is not."""
    found = INSTANCES.get(instance)
    count = table.get("processes_per_host") or table.get("mpi", {}).get("processes_per_host") or 0
    return table.get("hosts", 1) * (count or (found.processes if found else 0))


def _of_mpi(mpi: Mapping) -> list[Translation]:
    translations = [Translation(f"mpi.{name}", value, *MPI[name]) for name, value in mpi.items() if MPI[name]]
    if "processes_per_host" in mpi:
        count = mpi["processes_per_host"]
        translations.append(Translation("mpi.processes_per_host", count, f"processes_per_host = {count}", "the same"))
    return translations


def _enabled(table: Mapping, name: str) -> Mapping:
    return table.get(name, {}) if _is_on(table, name) else {}


def _is_on(table: Mapping, name: str) -> bool:
    return table.get(name, {}).get("enabled", False) is True
