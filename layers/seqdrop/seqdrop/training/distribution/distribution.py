"""How a training job is distributed over GPUs and hosts: the [distribution] table of job.toml, validated and frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqdrop.config.fields import Choice, Flag, Table, Whole, setting
from seqdrop.config.problems import Problem, SettingsError, unknown_keys
from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.launch import torchrun
from seqdrop.training.distribution.profiles import (
    FSDP_OFFLOAD,
    LORA,
    PRECISIONS,
    PROFILES,
    SHARDED,
    SINGLE,
    Translation,
)
from seqdrop.training.distribution.smdistributed import translate
from seqdrop.training.plan.instances import INSTANCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.training.distribution.profiles import Table as TomlTable

MOST_HOSTS = 64
LORA_RANK = 8
# Tables that the SageMaker SDK takes as `distribution`; smdistributed.py translates them.
SAGEMAKER = ("smdistributed", "torch_distributed", "pytorchddp", "mpi")


@dataclass(frozen=True)
class Distribution(Table):
    """How a job is distributed over GPUs and hosts."""

    # The docstring is the description in the JSON Schema of job.toml. The constructor and `from_table` raise
    # DistributionRefusedError, a ValueError, for a distribution that is not possible.

    table = "distribution"

    profile: str = setting(SINGLE, Choice(*PROFILES))
    """single: one GPU. ddp: a whole copy on each GPU. fsdp: parameters, gradients and optimizer states in equal parts.
    fsdp_offload: these parts on the host. lora: a frozen bf16 copy on each GPU, with small trained adapters."""
    activation_checkpointing: bool = setting(False, Flag())
    """Keep only each layer's input and compute the layer again in the backward pass, which takes a third more time. The
    default is true with fsdp and fsdp_offload."""
    activation_offloading: bool = setting(False, Flag())
    """Move the inputs that checkpointing keeps to the host's memory until they are needed."""
    processes_per_host: int = setting(0, Whole(0))
    """Processes on each host; 0: one per GPU."""
    hosts: int = setting(1, Whole(1, MOST_HOSTS))
    """Instances of the job."""
    micro_batch: int = setting(0, Whole(0))
    """Tokens in a forward pass of one process; 0: train.tokens_per_batch."""
    accumulate: int = setting(0, Whole(0))
    """Forward passes per step of the optimizer; 0: train.accumulate."""
    lora_rank: int = setting(LORA_RANK, Whole(1))
    """Rank of the adapters of profile lora."""
    precision: str = setting("auto", Choice(*PRECISIONS, note="not fp16, in which T5 overflows"))
    """auto: bf16 if the GPU has it, otherwise fp32."""
    instance: str = ""
    launch: tuple[tuple[str, str], ...] | None = None
    """Hyperparameters with which the toolkit starts a SageMaker library; None: those of torchrun, if it is needed."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except SettingsError as error:
            raise DistributionRefusedError(str(error)) from error
        self._check_instance()

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings that are each allowed."""
        if self.profile == SINGLE and self.hosts != 1:
            yield f"profile single is one process on one host, but hosts is {self.hosts}: use ddp or fsdp"
        if self.profile == SINGLE and self.processes_per_host > 1:
            yield (
                f"profile single is one process, but processes_per_host is {self.processes_per_host}: use ddp or fsdp"
            )
        if self.processes_per_host == 1 and self.hosts > 1 and _has_several_gpus(self.instance):
            yield "processes_per_host = 1 on several hosts leaves GPUs idle; 0 starts one process per GPU"
        if self.activation_offloading and not self.is_sharded:
            yield (
                f"activation_offloading is for fsdp and fsdp_offload; profile {self.profile} keeps the whole model on "
                "each GPU, and offloading activations would not make it fit"
            )
        if self.activation_offloading and not self.activation_checkpointing:
            yield (
                "activation_offloading moves the checkpoints of activations to the host, so it needs "
                "activation_checkpointing = true"
            )

    @classmethod
    def from_table(
        cls, table: TomlTable, image_has_smp: bool = False, instance: str = "", model: str = ""
    ) -> tuple[Distribution, list[Translation]]:
        """Return the distribution of a [distribution] table, and the translation of each field of an SDK table in it.

        The table has fields of this class, or tables that the SageMaker SDK takes as `distribution`. If the training
        image has SageMaker's own distributed libraries (`image_has_smp`), they get the SDK's tables unchanged.
        Otherwise these are translated to the nearest profile. Raise DistributionRefusedError if it is not possible.
        """
        if problems := _name_problems(table):
            raise DistributionRefusedError("; ".join(problem.message for problem in problems))
        settings = {name: value for name, value in table.items() if name in cls.rules()}
        translations: list[Translation] = []
        if any(name in table for name in SAGEMAKER):
            changes, translations = translate(table, image_has_smp, instance, model)
            settings |= changes
        distribution = cls(**add_defaults(settings), instance=instance)
        if model:
            distribution.check(model)
        return distribution, translations

    @classmethod
    def find_table_problems(cls, table: object) -> list[Problem]:
        """Return the problems of a [distribution] table that do not depend on the machine and the model.

        `from_table` checks tables of the SageMaker SDK.
        """
        if not isinstance(table, dict):
            return cls.find_problems(table, cls.place())
        settings = {name: value for name, value in table.items() if name in cls.rules()}
        hidden = ["profile"] if any(name in table for name in SAGEMAKER) else []
        return _name_problems(table) + cls.find_problems(add_defaults(settings), cls.place(), hidden=hidden)

    @property
    def is_sharded(self) -> bool:
        """Whether the states of the model are divided among processes."""
        return self.profile in SHARDED

    @property
    def passes(self) -> int:
        """Forward passes per step; 1 if the distribution does not set them."""
        return max(1, self.accumulate)

    def on(self, instance: str) -> Distribution:
        """Return this distribution on an instance type. Raise DistributionRefusedError if it is not possible there."""
        return replace(self, instance=instance)

    def processes(self, instance: str = "") -> int:
        """Return the number of processes of all hosts on an instance type."""
        if self.profile == SINGLE:
            return 1
        machine = INSTANCES.get(instance or self.instance)
        return self.hosts * (self.processes_per_host or (machine.processes if machine else 1))

    def hyperparameters(self, instance: str = "") -> dict[str, str]:
        """Return the hyperparameters of a job: arguments of train.py, and those with which the toolkit starts it."""
        values = {
            "profile": self.profile,
            "activation_checkpointing": _word(self.activation_checkpointing),
            "activation_offloading": _word(self.activation_offloading),
            "precision": self.precision,
        }
        if self.profile == LORA:
            values["lora_rank"] = str(self.lora_rank)
        if self.micro_batch:
            values["tokens_per_batch"] = str(self.micro_batch)
        if self.accumulate:
            values["accumulate"] = str(self.accumulate)
        return values | self.launcher(instance)

    def launcher(self, instance: str = "") -> dict[str, str]:
        """Return the hyperparameters with which the toolkit starts processes; their values are JSON, as in the SDK."""
        if self.launch is not None:
            return dict(self.launch)
        is_alone = self.profile == SINGLE or (self.processes_per_host == 1 and self.hosts == 1)
        return {} if is_alone else torchrun(instance or self.instance)

    def check(self, model: str, freeze_encoder: bool = False) -> None:
        """Raise DistributionRefusedError if the model cannot be trained with this distribution."""
        if self.profile == LORA and model == "cnn":
            raise DistributionRefusedError(
                "profile lora is for encoders with attention; a cnn has none: use single or ddp"
            )
        if self.profile == LORA and freeze_encoder:
            raise DistributionRefusedError(
                "train.freeze_encoder and profile lora exclude each other: the first trains nothing of the "
                "encoder, the second trains adapters in it"
            )

    def _check_instance(self) -> None:
        machine = INSTANCES.get(self.instance)
        if machine is None:
            return
        if self.profile == FSDP_OFFLOAD and not machine.gpus:
            raise DistributionRefusedError(f"fsdp_offload moves states off GPUs; {machine.name} has none: use fsdp")
        if machine.gpus and self.processes_per_host not in (0, 1, machine.gpus):
            raise DistributionRefusedError(
                f"processes_per_host is {self.processes_per_host}, and {machine.name} has {machine.gpus} GPU"
                f"{'s' * (machine.gpus > 1)}: the toolkit starts one process per GPU, so it must be 0 or "
                f"{machine.gpus}, or 1 for a single process"
            )


def _has_several_gpus(instance: str) -> bool:
    return instance in INSTANCES and INSTANCES[instance].gpus > 1


def _name_problems(table: TomlTable) -> list[Problem]:
    """Return the problems with the keys of a [distribution] table, not with their values."""
    place, known = Distribution.place(), (*Distribution.rules(), *SAGEMAKER)
    problems, _ = unknown_keys(table, place, known)
    if "profile" in table and any(name in table for name in SAGEMAKER):
        message = "distribution has a profile and a table of the SageMaker SDK; use only one of them"
        problems.append(Problem((*place, "profile"), message))
    if "lora_rank" in table and table.get("profile") != LORA:
        problems.append(Problem((*place, "lora_rank"), "distribution.lora_rank is for profile lora"))
    return problems


def add_defaults(settings: TomlTable) -> dict[str, Any]:
    """Return settings with the default of activation_checkpointing: true for FSDP, which is used to save memory."""
    return {"activation_checkpointing": settings.get("profile") in SHARDED, **settings}


def _word(value: bool) -> str:
    return "true" if value else "false"
