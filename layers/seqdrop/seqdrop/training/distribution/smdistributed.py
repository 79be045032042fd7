"""SageMaker's own `distribution` tables: passed to its libraries unchanged, or translated if the image lacks them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.field_translation import FSDP_WHY, MPI, NOTHING, V1, V2
from seqdrop.training.distribution.launch import sdk_hyperparameters
from seqdrop.training.distribution.profiles import DDP, FSDP, SINGLE, Translation, is_enabled
from seqdrop.training.distribution.smp_rules import Job, check_data_parallel, check_model_parallel, check_tables
from seqdrop.training.plan.instances import INSTANCES

if TYPE_CHECKING:
    from seqdrop.training.distribution.profiles import Table

# Instances on which the data-parallel library runs: the SDK's own list, without types that are no longer available.
DATA_PARALLEL_ON = ("ml.p3.16xlarge", "ml.p3dn.24xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge")
PARAMETERS = "smdistributed.modelparallel.parameters."

Value = Any
"""A value of a field, as `tomllib` returns it."""
Changes = dict[str, Value]
"""Fields of a Distribution that the translation sets."""
Translated = tuple[Changes, list[Translation]]
Meaning = tuple[str, str]
"""The translation of a field, and its reason."""
_OFF: Meaning = (NOTHING, "it is off")


def translate(table: Table, image_has_smp: bool, instance: str, model: str) -> Translated:
    """Return the fields of a Distribution, and the translation of each field of the table.

    Raise DistributionRefusedError if the table is wrong or not possible.
    """
    check_tables(table, image_has_smp, instance)
    libraries = table.get("smdistributed", {})
    if is_enabled(libraries, "modelparallel"):
        changes, translations = _translate_model_parallel(table, image_has_smp, instance, model)
    elif is_enabled(libraries, "dataparallel"):
        changes, translations = _translate_data_parallel(table, image_has_smp, instance)
    else:
        changes, translations = _translate_plain(table)
    return _processes(table, instance) | changes, translations


def _translate_model_parallel(table: Table, image_has_smp: bool, instance: str, model: str) -> Translated:
    parameters = table["smdistributed"]["modelparallel"].get("parameters", {})
    is_v2 = is_enabled(table, "torch_distributed")
    world = _world(table, instance)
    is_started = bool(table.get("mpi")) or is_v2
    check_model_parallel(parameters, V2 if is_v2 else V1, Job(world, model, is_started))
    profile = _profile_of_v2(parameters) if is_v2 else _profile_of_v1(parameters, world)
    changes, translations = _Parameters(parameters, V2 if is_v2 else V1, profile, world).translate()
    if image_has_smp:
        changes["launch"] = tuple(sdk_hyperparameters(table, instance).items())
        return changes, [
            Translation(PARAMETERS + name, value, "the same", "the image has the library")
            for name, value in parameters.items()
        ]
    translations = [replace(each, field=PARAMETERS + each.field) for each in translations]
    return changes, translations + ([] if is_v2 else _translate_mpi(table.get("mpi", {})))


def _profile_of_v1(parameters: Table, world: int) -> str:
    """Return the profile nearest to parameters of SMP v1, which splits by pipelines, tensors and optimizer state."""
    pipelines = [parameters.get(name, 1) for name in ("partitions", "pipeline_parallel_degree")]
    parts = max(pipelines) * parameters.get("tensor_parallel_degree", 1)
    shards = parameters.get("shard_optimizer_state") or parameters.get("sharded_data_parallel_degree", 1) > 1
    if parts > 1 or shards:
        return FSDP
    return DDP if world != 1 else SINGLE


def _profile_of_v2(parameters: Table) -> str:
    """Return the profile nearest to parameters of SMP v2, which is PyTorch's FSDP with more ways to split a layer."""
    degree = parameters.get("hybrid_shard_degree", 0)
    tensor = parameters.get("tensor_parallel_degree", 1)
    context = parameters.get("context_parallel_degree", 1)
    return DDP if degree == 1 and tensor == 1 and context == 1 else FSDP


@dataclass(frozen=True)
class _Parameters:
    """Parameters of a model-parallel library, and the profile that they are translated to."""

    parameters: Table
    meanings: dict[str, Meaning | None]
    profile: str
    world: int
    """Processes of the job; 0 if it is not known."""

    def translate(self) -> Translated:
        parameters = self.parameters
        names = ("offload_activations", "sm_activation_offloading", "activation_offloading")
        offloads = any(parameters.get(name) for name in names)
        if offloads and self.profile != FSDP:
            raise DistributionRefusedError(
                f"the table asks for {self.profile}, a whole copy of the model on each GPU, and to offload activations;"
                " to offload, split the model (partitions, shard_optimizer_state or hybrid_shard_degree)"
            )
        checkpoints = bool(parameters.get("activation_checkpointing", self.profile == FSDP)) or offloads
        changes: Changes = {
            "profile": self.profile,
            "activation_checkpointing": checkpoints,
            "activation_offloading": offloads,
            "accumulate": parameters.get("microbatches", 0),
        }
        translations = [Translation(name, value, *self._meaning(name, value)) for name, value in parameters.items()]
        if self.profile == FSDP and "activation_checkpointing" not in parameters:
            why = "the library checkpoints from within the script; FSDP is used where memory is short"
            translations.append(Translation("(not given)", None, "activation_checkpointing = true", why))
        return changes, translations

    def _meaning(self, name: str, value: Value) -> Meaning:
        return self.meanings[name] or self._meaning_by_value(name, value)

    def _meaning_by_value(self, name: str, value: Value) -> Meaning:
        """Return the meaning of a field that depends on its value."""
        if name in ("fp16", "fp16_params"):
            why = "bf16 where the GPU has it: as small, with the range of fp32"
            return ("precision = auto", why) if value else _OFF
        if name == "bf16":
            return ("precision = auto", "bf16 where the GPU has it") if value else _OFF
        if name == "microbatches":
            why = "as many forward passes per step, each with tokens_per_batch on each GPU"
            return f"accumulate = {value}", why
        if name == "activation_checkpointing":
            return f"activation_checkpointing = {str(bool(value)).lower()}", "the same"
        if name in ("offload_activations", "sm_activation_offloading", "activation_offloading"):
            return ("activation_offloading = true, with activation_checkpointing", "by PyTorch") if value else _OFF
        return self._meaning_of_split(name, value)

    def _meaning_of_split(self, name: str, value: Value) -> Meaning:
        """Return the meaning of a field that splits the model or the batch."""
        over = f"over all {self.world} GPUs" if self.world else "over all GPUs"
        if name == "ddp":
            idle = (NOTHING, "GPUs without a batch would idle")
            return (self.profile, "every GPU has its own batch") if value else idle
        if name == "shard_optimizer_state":
            why = f"the optimizer's state is sharded {over}, and with it parameters and gradients"
            return (FSDP, why) if value else _OFF
        if name == "hybrid_shard_degree":
            return self._meaning_of_hybrid(int(value), over)
        if name == "context_parallel_degree" and value > 1:
            return "activation_checkpointing", "long sequences fit by checkpointing; no sequence is split over GPUs"
        if value != 1 and value is not False:
            return self.profile, f"{FSDP_WHY}, {over}"
        return NOTHING, "1 is no split"

    def _meaning_of_hybrid(self, degree: int, over: str) -> Meaning:
        if self.profile == DDP:
            return DDP, "1 shards nothing"
        if degree in (0, 1):
            return FSDP, f"sharded {over}"
        return FSDP, f"sharded {over} and not over {degree}: less memory on each, more traffic"


def _translate_data_parallel(table: Table, image_has_smp: bool, instance: str) -> Translated:
    name = "smdistributed.dataparallel.enabled"
    check_data_parallel(table)
    if image_has_smp and instance in DATA_PARALLEL_ON:
        translation = Translation(name, True, "the same", "the image and the instance have the library")
        return {"profile": DDP, "launch": tuple(sdk_hyperparameters(table, instance).items())}, [translation]
    reason = "the image has no such library"
    if image_has_smp:
        reason = f"{instance or 'the instance'} has no such network"
    translations = [Translation(name, True, DDP, f"{reason}; PyTorch sums the gradients with NCCL instead")]
    if "custom_mpi_options" in table["smdistributed"]["dataparallel"]:
        options = table["smdistributed"]["dataparallel"]["custom_mpi_options"]
        field = "smdistributed.dataparallel.custom_mpi_options"
        translations.append(Translation(field, options, NOTHING, "MPI is not used"))
    return {"profile": DDP}, translations


def _translate_plain(table: Table) -> Translated:
    """Translate tables that enable only torch_distributed or pytorchddp, or nothing."""
    for name in ("torch_distributed", "pytorchddp"):
        if is_enabled(table, name):
            return {"profile": DDP}, [Translation(f"{name}.enabled", True, DDP, "torchrun starts one process per GPU")]
    disabled = [f"smdistributed.{name}" for name in table.get("smdistributed", {})]
    if not disabled:
        disabled = [name for name in table if name in ("torch_distributed", "pytorchddp", "mpi")]
    return {"profile": SINGLE}, [
        Translation(f"{name}.enabled", False, SINGLE, "it is not enabled") for name in disabled
    ]


def _processes(table: Table, instance: str) -> Changes:
    """Return the setting processes_per_host that corresponds to MPI's; nothing without a model-parallel library.

    Raise DistributionRefusedError if there are more processes than GPUs.
    """
    count = table.get("mpi", {}).get("processes_per_host", 0)
    machine = INSTANCES.get(instance)
    if machine and machine.gpus and count > machine.gpus:
        raise DistributionRefusedError(f"mpi.processes_per_host is {count}, and {instance} has {machine.gpus} GPUs")
    return {"processes_per_host": count} if is_enabled(table.get("smdistributed", {}), "modelparallel") else {}


def _world(table: Table, instance: str) -> int:
    """Return the number of processes of the whole job; 0 if it is not known."""
    machine = INSTANCES.get(instance)
    count = table.get("processes_per_host") or table.get("mpi", {}).get("processes_per_host") or 0
    return int(table.get("hosts", 1) * (count or (machine.processes if machine else 0)))


def _translate_mpi(mpi: Table) -> list[Translation]:
    translations = []
    for name, value in mpi.items():
        meaning = MPI[name]
        if meaning is not None:
            translations.append(Translation(f"mpi.{name}", value, *meaning))
    if "processes_per_host" in mpi:
        count = mpi["processes_per_host"]
        becomes = f"processes_per_host = {count}"
        translations.append(Translation("mpi.processes_per_host", count, becomes, "the same"))
    return translations
