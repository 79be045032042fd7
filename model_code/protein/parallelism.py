"""Distribution of a model over torchrun's processes: a single process, copies (DDP), or shards (FSDP).

The same code runs on GPUs (nccl) and CPUs (gloo), so tests with two CPU processes exercise the code path of eight GPUs.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import TYPE_CHECKING, Any

import encoders
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arguments import Arguments
    from networks import StructureModel

ALONE = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
"""The environment that torchrun sets for a single process."""
SHARDED = ("fsdp", "fsdp_offload")
TARGETS = {"prott5": ["q", "k", "v", "o"], "protbert": ["query", "key", "value", "attention.output.dense"]}
"""The projections of the attention, which LoRA adapts."""


@contextlib.contextmanager
def process_group(profile: str) -> Iterator[None]:
    """Create the group of torchrun's processes, or of this process alone, and destroy it when the context ends.

    If the group is not destroyed, gloo sometimes aborts at exit, and a finished job fails. Raise ValueError if the
    profile is single and torchrun started several processes.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if profile == "single" and processes > 1:
        raise ValueError(f"profile single runs in one process, torchrun started {processes}; choose ddp, fsdp or lora")
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend = "cpu:gloo,cuda:nccl"  # offloaded tensors are reduced on the CPU
    alone = {} if "RANK" in os.environ else ALONE
    os.environ.update(alone)
    dist.init_process_group(backend, **({"store": dist.HashStore(), "rank": 0, "world_size": 1} if alone else {}))
    try:
        yield
        dist.barrier()  # a process that exits early may abort another that still communicates with it
    finally:
        dist.destroy_process_group()
        for name in alone:
            del os.environ[name]


def get_device() -> torch.device:
    """Return the device of this process."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def select_precision(setting: str) -> str:
    """Return bf16 or fp32. fp16 is not supported, because a T5's activations overflow in it."""
    if setting != "auto":
        return setting
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def prepare(model: StructureModel, args: Arguments) -> None:
    """Apply the arguments to a model in place: checkpointing, adapters, freezing, precision, and sharding or moving."""
    is_half = select_precision(args.precision) == "bf16"
    if args.activation_checkpointing and args.model != "cnn":
        model.encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.offload_activations = args.activation_offloading
    if args.profile == "lora":
        add_adapters(model, args.lora_rank)
    if args.freeze_encoder:
        model.freeze_encoder()
    if is_half:
        store_frozen_in_half(model)
    if args.profile in SHARDED:
        shard(model, is_half, args.profile == "fsdp_offload")
    else:
        model.to(get_device())


def add_adapters(model: StructureModel, rank: int) -> None:
    """Add LoRA adapters to the encoder. Only they and the head are trained."""
    from peft import LoraConfig, get_peft_model

    targets = TARGETS[model.description.model]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=targets)
    model.encoder = get_peft_model(model.encoder, config)


def store_frozen_in_half(model: nn.Module) -> None:
    """Convert parameters that are not trained to bf16. A GPU computes with them in bf16 anyway."""
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()


def shard(model: StructureModel, is_half: bool, offload: bool) -> None:
    """Apply FSDP to the encoder's blocks: each process stores a part of each block, and gathers one block at a time."""
    # No code here changes a block's output in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
    mesh = init_device_mesh(get_device().type, (dist.get_world_size(),))
    policy: dict[str, Any] = {"mesh": mesh}
    if is_half:
        policy["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    if offload and get_device().type != "cpu":  # on a CPU the parameters are in its memory already
        policy["offload_policy"] = CPUOffloadPolicy()
    for block in model.encoder.modules():
        if type(block).__name__ == encoders.BLOCKS[model.description.model]:
            fully_shard(block, **policy)
    fully_shard(model, **policy)


class Sharded(nn.Module):
    """A wrapper from which the Trainer recognises a distributed model. FSDP itself does not wrap the object."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.module = model

    def forward(self, *args: torch.Tensor, **kwargs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Call the model."""
        return self.module(*args, **kwargs)


def wrap(model: StructureModel, profile: str) -> nn.Module:
    """Return the module that a training step calls."""
    if profile in SHARDED or profile == "single":
        return Sharded(model)
    devices = None if get_device().type == "cpu" else [get_device()]
    return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)


def merge_weights(model: StructureModel) -> dict[str, torch.Tensor]:
    """Return the whole model's fp32 weights on the CPU, with adapters merged; empty except in the first process.

    Every process must call it. The model has no adapters afterwards.
    """
    if hasattr(model.encoder, "merge_and_unload"):
        model.encoder = model.encoder.float().merge_and_unload()
    state = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    return {name: weight.float() for name, weight in state.items()}
