"""What a distribution must be in itself, whatever it is for: each rule as the sentence that says what is wrong.

How a training job is spread over GPUs and hosts: the [distribution] table of job.toml, checked and frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.errors import DistributionRefused
from seqdrop.training.distribution.launch import torchrun
from seqdrop.training.distribution.profiles import FSDP_OFFLOAD, LORA, PRECISIONS, PROFILES, SHARDED, SINGLE, Fate
from seqdrop.training.distribution.smdistributed import translated
from seqdrop.training.plan.instances import INSTANCES

if TYPE_CHECKING:
    pass


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


LORA_RANK = 8
OWN = (
    "profile",
    "activation_checkpointing",
    "activation_offloading",
    "processes_per_host",
    "hosts",
    "micro_batch",
    "accumulate",
    "lora_rank",
    "precision",
)
# Tables that the SageMaker SDK takes as `distribution`; smdistributed.py translates them.
SAGEMAKER = ("smdistributed", "torch_distributed", "pytorchddp", "mpi")


@dataclass(frozen=True)
class Distribution:
    """One way to spread a job. Raises DistributionRefused, a ValueError, for what cannot be."""

    profile: str = SINGLE
    """single: one GPU. ddp: a whole copy on each. fsdp: parameters, gradients and optimizer in equal parts.
    fsdp_offload: those on the host. lora: a frozen bf16 copy on each, and small adapters in it that are trained."""
    activation_checkpointing: bool = False
    """Hold only each layer's input and compute the layer again in the backward pass: a third more time."""
    activation_offloading: bool = False
    """Move those inputs to the host until they are needed."""
    processes_per_host: int = 0
    """0: one a GPU."""
    hosts: int = 1
    micro_batch: int = 0
    """Tokens in a forward pass of one process; 0: train.tokens_per_batch."""
    accumulate: int = 0
    """Forward passes to a step of the optimizer; 0: train.accumulate."""
    lora_rank: int = LORA_RANK
    precision: str = "auto"
    """auto: bf16 where the GPU has it, else fp32."""
    instance: str = ""
    launch: tuple[tuple[str, str], ...] | None = None
    """Hyperparameters for the toolkit that a SageMaker library needs; None: those of torchrun, where it is needed."""

    def __post_init__(self) -> None:
        broken = [rule for rule, holds in rules(self).items() if not holds]
        if broken:
            raise DistributionRefused("; ".join(broken))
        self._check_instance()

    @classmethod
    def from_table(
        cls, table: Mapping, image_has_smp: bool = False, instance: str = "", model: str = ""
    ) -> tuple[Distribution, list[Fate]]:
        """The distribution of a [distribution] table: ours, or what the SageMaker SDK takes as `distribution`.

        `image_has_smp` says that the training image has SageMaker's own distributed libraries: then the SDK's table
        goes to them as it is, and else is translated to the nearest profile, with the fate of each field.
        """
        _check_names(table)
        own = {name: value for name, value in table.items() if name in OWN}
        if any(name in table for name in SAGEMAKER):
            changes, fates = translated(table, image_has_smp, instance, model)
        else:
            changes, fates = {}, []
        found = cls(**_with_defaults(own | changes), instance=instance)
        if model:
            found.check(model)
        return found, fates

    @property
    def is_sharded(self) -> bool:
        return self.profile in SHARDED

    @property
    def passes(self) -> int:
        """Forward passes to a step, as far as the distribution says."""
        return max(1, self.accumulate)

    def on(self, instance: str) -> Distribution:
        """The same on a named type of instance. Raises DistributionRefused if it cannot be there."""
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
        """Raises DistributionRefused if the model cannot be trained so."""
        rules = {
            "profile lora is for encoders with attention; a cnn has none: take single or ddp": self.profile != LORA
            or model != "cnn",
            "train.freeze_encoder and profile lora exclude each other: one trains nothing of the encoder, the other "
            "adapters in it": not (freeze_encoder and self.profile == LORA),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise DistributionRefused("; ".join(broken))

    def _check_instance(self) -> None:
        found = INSTANCES.get(self.instance)
        if found is None:
            return
        if self.profile == FSDP_OFFLOAD and not found.gpus:
            raise DistributionRefused(f"fsdp_offload moves states off GPUs, and {found.name} has none: take fsdp")
        if found.gpus and self.processes_per_host not in (0, 1, found.gpus):
            raise DistributionRefused(
                f"processes_per_host is {self.processes_per_host}, and {found.name} has {found.gpus} GPU"
                f"{'s' * (found.gpus > 1)}: the toolkit starts one process a GPU, so it must be 0 or {found.gpus}, "
                "or 1 for one process alone"
            )


def _check_names(table: Mapping) -> None:
    unknown = sorted(set(table) - set(OWN) - set(SAGEMAKER))
    if unknown:
        raise DistributionRefused(
            f"distribution.{unknown[0]}: there is no such field; it has {', '.join(OWN)}, or what the SageMaker SDK "
            f"takes: {', '.join(SAGEMAKER)}"
        )
    if "profile" in table and any(name in table for name in SAGEMAKER):
        raise DistributionRefused("distribution has a profile and a table of the SageMaker SDK: one of them decides")
    if "lora_rank" in table and table.get("profile") != LORA:
        raise DistributionRefused("distribution.lora_rank is for profile lora")


def _with_defaults(given: dict) -> dict:
    """FSDP is taken where memory is short, so it checkpoints activations unless told otherwise."""
    return {"activation_checkpointing": given.get("profile") in SHARDED} | given


def _word(value: bool) -> str:
    return "true" if value else "false"
