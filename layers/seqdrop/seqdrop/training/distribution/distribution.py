"""What a distribution must be in itself, whatever it is for: each rule as the sentence that says what is wrong.

How a training job is spread over GPUs and hosts: the [distribution] table of job.toml, checked and frozen.
"""

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
    from collections.abc import Iterator, Mapping

MOST_HOSTS = 64
LORA_RANK = 8
# Tables that the SageMaker SDK takes as `distribution`; smdistributed.py translates them.
SAGEMAKER = ("smdistributed", "torch_distributed", "pytorchddp", "mpi")


@dataclass(frozen=True)
class Distribution(Table):
    """How a job is spread over GPUs and hosts. An instance that is made directly, or by `from_table`, raises
    DistributionRefusedError, a ValueError, for what cannot be."""

    table = "distribution"

    profile: str = setting(SINGLE, Choice(*PROFILES))
    """single: one GPU. ddp: a whole copy on each. fsdp: parameters, gradients and optimizer in equal parts.
    fsdp_offload: those on the host. lora: a frozen bf16 copy on each, and small adapters in it that are trained."""
    activation_checkpointing: bool = setting(False, Flag())
    """Hold only each layer's input and compute the layer again in the backward pass: a third more time. With fsdp and
    fsdp_offload it is true unless set."""
    activation_offloading: bool = setting(False, Flag())
    """Move those inputs to the host until they are needed."""
    processes_per_host: int = setting(0, Whole(0))
    """0: one for each GPU."""
    hosts: int = setting(1, Whole(1, MOST_HOSTS))
    """Instances of the job."""
    micro_batch: int = setting(0, Whole(0))
    """Tokens in a forward pass of one process; 0: train.tokens_per_batch."""
    accumulate: int = setting(0, Whole(0))
    """Forward passes to a step of the optimizer; 0: train.accumulate."""
    lora_rank: int = setting(LORA_RANK, Whole(1))
    """Rank of the adapters of profile lora."""
    precision: str = setting("auto", Choice(*PRECISIONS, note="fp16 is none of them: T5 overflows in it"))
    """auto: bf16 where the GPU has it, else fp32."""
    instance: str = ""
    launch: tuple[tuple[str, str], ...] | None = None
    """Hyperparameters for the toolkit that a SageMaker library needs; None: those of torchrun, where it is needed."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except SettingsError as error:
            raise DistributionRefusedError(str(error)) from error
        self._check_instance()

    def conflicts(self) -> Iterator[str]:
        single = self.profile == SINGLE
        if single and self.hosts != 1:
            yield f"profile single is one process on one host, but hosts is {self.hosts}: take ddp or fsdp"
        if single and self.processes_per_host > 1:
            yield (
                f"profile single is one process, but processes_per_host is {self.processes_per_host}: take ddp or fsdp"
            )
        if self.processes_per_host == 1 and self.hosts > 1 and _has_gpus(self.instance):
            yield "processes_per_host = 1 on more hosts leaves GPUs idle: 0 starts one a GPU"
        if self.activation_offloading and not self.is_sharded:
            yield (
                f"activation_offloading goes with fsdp and fsdp_offload; profile {self.profile} keeps all of the model "
                "on each GPU, which offloading of activations would not make fit"
            )
        if self.activation_offloading and not self.activation_checkpointing:
            yield (
                "activation_offloading moves the checkpoints of activations to the host, so it needs "
                "activation_checkpointing = true"
            )

    @classmethod
    def from_table(
        cls, table: Mapping, image_has_smp: bool = False, instance: str = "", model: str = ""
    ) -> tuple[Distribution, list[Translation]]:
        """The distribution of a [distribution] table: ours, or what the SageMaker SDK takes as `distribution`.

        `image_has_smp` says that the training image has SageMaker's own distributed libraries: then the SDK's table
        goes to them as it is, and else is translated to the nearest profile, with the translation of each field.
        """
        if problems := _name_problems(table):
            raise DistributionRefusedError("; ".join(problem.message for problem in problems))
        own = {name: value for name, value in table.items() if name in cls.rules()}
        if any(name in table for name in SAGEMAKER):
            changes, translations = translate(table, image_has_smp, instance, model)
        else:
            changes, translations = {}, []
        found = cls(**with_defaults(own | changes), instance=instance)
        if model:
            found.check(model)
        return found, translations

    @classmethod
    def find_table_problems(cls, table: Any) -> list[Problem]:
        """Return what is wrong with a [distribution] table in itself, whatever the machine and the model are. Tables of
        the SageMaker SDK are left to `from_table`."""
        if not isinstance(table, dict):
            return cls.find_problems(table, cls.place())
        own = {name: value for name, value in table.items() if name in cls.rules()}
        hidden = ["profile"] if any(name in table for name in SAGEMAKER) else []
        return _name_problems(table) + cls.find_problems(with_defaults(own), cls.place(), hidden=hidden)

    @property
    def is_sharded(self) -> bool:
        return self.profile in SHARDED

    @property
    def passes(self) -> int:
        """Forward passes to a step, as far as the distribution says."""
        return max(1, self.accumulate)

    def on(self, instance: str) -> Distribution:
        """The same on a named type of instance. Raises DistributionRefusedError if it cannot be there."""
        return replace(self, instance=instance)

    def processes(self, instance: str = "") -> int:
        """Processes of all hosts on that type of instance."""
        if self.profile == SINGLE:
            return 1
        found = INSTANCES.get(instance or self.instance)
        return self.hosts * (self.processes_per_host or (found.processes if found else 1))

    def hyperparameters(self, instance: str = "") -> dict[str, str]:
        """What train.py is told, and what makes the toolkit start one process a GPU."""
        told = {
            "profile": self.profile,
            "activation_checkpointing": _word(self.activation_checkpointing),
            "activation_offloading": _word(self.activation_offloading),
            "precision": self.precision,
        }
        if self.profile == LORA:
            told["lora_rank"] = str(self.lora_rank)
        if self.micro_batch:
            told["tokens_per_batch"] = str(self.micro_batch)
        if self.accumulate:
            told["accumulate"] = str(self.accumulate)
        return told | self.launcher(instance)

    def launcher(self, instance: str = "") -> dict[str, str]:
        """Only what the toolkit reads. Values are JSON, as the SageMaker SDK sends them."""
        if self.launch is not None:
            return dict(self.launch)
        alone = self.profile == SINGLE or (self.processes_per_host == 1 and self.hosts == 1)
        return {} if alone else torchrun(instance or self.instance)

    def check(self, model: str, freeze_encoder: bool = False) -> None:
        """Raises DistributionRefusedError if the model cannot be trained so."""
        rules = {
            "profile lora is for encoders with attention; a cnn has none: take single or ddp": self.profile != LORA
            or model != "cnn",
            "train.freeze_encoder and profile lora exclude each other: one trains nothing of the encoder, the other "
            "adapters in it": not (freeze_encoder and self.profile == LORA),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise DistributionRefusedError("; ".join(broken))

    def _check_instance(self) -> None:
        found = INSTANCES.get(self.instance)
        if found is None:
            return
        if self.profile == FSDP_OFFLOAD and not found.gpus:
            raise DistributionRefusedError(f"fsdp_offload moves states off GPUs, and {found.name} has none: take fsdp")
        if found.gpus and self.processes_per_host not in (0, 1, found.gpus):
            raise DistributionRefusedError(
                f"processes_per_host is {self.processes_per_host}, and {found.name} has {found.gpus} GPU"
                f"{'s' * (found.gpus > 1)}: the toolkit starts one process a GPU, so it must be 0 or {found.gpus}, "
                "or 1 for one process alone"
            )


def _has_gpus(instance: str) -> bool:
    return bool(instance in INSTANCES and INSTANCES[instance].gpus > 1)


def _name_problems(table: Mapping) -> list[Problem]:
    """Return what is wrong with the keys of a [distribution] table, without regard to their values."""
    place, known = Distribution.place(), (*Distribution.rules(), *SAGEMAKER)
    problems, _ = unknown_keys(table, place, known)
    if "profile" in table and any(name in table for name in SAGEMAKER):
        message = "distribution has a profile and a table of the SageMaker SDK: one of them decides"
        problems.append(Problem((*place, "profile"), message))
    if "lora_rank" in table and table.get("profile") != LORA:
        problems.append(Problem((*place, "lora_rank"), "distribution.lora_rank is for profile lora"))
    return problems


def with_defaults(given: Mapping) -> dict:
    """FSDP is taken where memory is short, so it checkpoints activations unless told otherwise."""
    return {"activation_checkpointing": given.get("profile") in SHARDED} | given


def _word(value: bool) -> str:
    return "true" if value else "false"
