"""How a model is spread over the processes that torchrun started: not at all, copied (DDP), or sharded (FSDP).

The same code runs on GPUs (nccl) and on processors (gloo), so what a test shows on two processes of a processor is
what eight GPUs do.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import TYPE_CHECKING

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
"""What torchrun would tell the only process of a run."""
SHARDED = ("fsdp", "fsdp_offload")
TARGETS = {"prott5": ["q", "k", "v", "o"], "protbert": ["query", "key", "value", "attention.output.dense"]}
"""The projections of the attention, which LoRA adapts."""


@contextlib.contextmanager
def process_group(profile: str) -> Iterator[None]:
    """The group of torchrun's processes, or of this one alone; gone afterwards, whatever happens.

    Without the end gloo aborts at exit, now and then, and a finished job would have failed.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if profile == "single" and processes > 1:
        raise ValueError(f"profile single runs in one process, torchrun started {processes}; choose ddp, fsdp or lora")
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        backend = "cpu:gloo,cuda:nccl"  # what is offloaded is reduced on the processor
    alone = {} if "RANK" in os.environ else ALONE
    os.environ.update(alone)
    dist.init_process_group(backend, **({"store": dist.HashStore(), "rank": 0, "world_size": 1} if alone else {}))
    try:
        yield
        dist.barrier()  # a process that has gone may take down one that still talks to it
    finally:
        dist.destroy_process_group()
        for name in alone:
            del os.environ[name]


def device() -> torch.device:
    """Of this process."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def precision(wanted: str) -> str:
    """bf16 or fp32. fp16 is no choice: a T5's activations overflow in it."""
    if wanted != "auto":
        return wanted
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def prepare(model: StructureModel, args: Arguments) -> None:
    """Freeze, adapt, save memory, move and shard, in place, as the arguments say."""
    half = precision(args.precision) == "bf16"
    if args.activation_checkpointing and args.model != "cnn":
        model.encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.offload_activations = args.activation_offloading
    if args.profile == "lora":
        adapt(model, args.lora_rank)
    if args.freeze_encoder:
        model.freeze_encoder()
    if half:
        store_frozen_in_half(model)
    if args.profile in SHARDED:
        shard(model, half, args.profile == "fsdp_offload")
    else:
        model.to(device())


def adapt(model: StructureModel, rank: int) -> None:
    """Put LoRA adapters into the encoder; they and the head are what is trained."""
    from peft import LoraConfig, get_peft_model

    targets = TARGETS[model.description.model]
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=targets)
    model.encoder = get_peft_model(model.encoder, config)


def store_frozen_in_half(model: nn.Module) -> None:
    """What is not trained needs no more than bf16, and on a GPU is computed in it anyway."""
    for parameter in model.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()


def shard(model: StructureModel, half: bool, offload: bool) -> None:
    """FSDP over the encoder's blocks: each process keeps its part of every one, gathers one at a time."""
    # Nothing here changes a block's output in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
    mesh = init_device_mesh(device().type, (dist.get_world_size(),))
    policy = {"mesh": mesh}
    if half:
        policy["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    if offload and device().type != "cpu":  # on a processor they are there already
        policy["offload_policy"] = CPUOffloadPolicy()
    for block in model.encoder.modules():
        if type(block).__name__ == encoders.BLOCKS[model.description.model]:
            fully_shard(block, **policy)
    fully_shard(model, **policy)


class Sharded(nn.Module):
    """Tells the Trainer that a model is spread already: what is sharded is still the same object."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.module = model

    def forward(self, *arguments, **named):
        return self.module(*arguments, **named)


def wrapped(model: StructureModel, profile: str) -> nn.Module:
    """What a training step calls."""
    if profile in SHARDED or profile == "single":
        return Sharded(model)
    devices = None if device().type == "cpu" else [device()]
    return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)


def merged(model: StructureModel) -> dict[str, torch.Tensor]:
    """The whole model's fp32 weights on the processor, adapters added to what they adapt: of the first process only.

    Every process must call it. The model has no adapters afterwards.
    """
    if hasattr(model.encoder, "merge_and_unload"):
        model.encoder = model.encoder.float().merge_and_unload()
    state = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    return {name: weight.float() for name, weight in state.items()}
