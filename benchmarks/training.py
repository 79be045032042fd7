"""Peak memory and tokens per second of training, as planned and as measured on a GPU, for the real shapes.

    .venv/bin/python benchmarks/training.py [--model prott5] [--tokens 6000] [--length 1024] [--steps 6]

A CUDA GPU is required, because memory use on a CPU says nothing about memory use on a GPU. Weights are random; memory
and speed do not depend on them. Each side runs in its own process, so that it starts with empty GPU memory. It runs
forward, backward and update as model_code/protein/train.py does on one GPU, and the first steps are not counted. On
several GPUs use torchrun … --side "fsdp, checkpointing".

Columns: the peak of PyTorch's allocator as planned and as measured (torch.cuda.max_memory_allocated), and their ratio;
the same for tokens per second. The goal is a plan within 10 % for memory, and within a factor of two for speed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code"))  # for common/
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code" / "protein"))

from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.plan.activations import Work
from seqdrop.training.plan.cost import Machine, estimate_cost
from seqdrop.training.plan.instances import INSTANCES, MIB, Gpu, Instance
from seqdrop.training.plan.memory import estimate_memory
from seqdrop.training.plan.shapes import PROTBERT, PROTT5, PROTT5_FULL, SHAPES

SIDES = {
    "single": ("single", False),
    "single, checkpointing": ("single", True),
    "fsdp": ("fsdp", False),
    "fsdp, checkpointing": ("fsdp", True),
    "fsdp_offload, checkpointing": ("fsdp_offload", True),
    "lora": ("lora", False),
    "lora, checkpointing": ("lora", True),
}
WARM_UP = 2
PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "A10G": 70, "L4": 121}  # TFLOP/s of bf16, dense


def make_network(name: str, attention: str) -> torch.nn.Module:
    """Return the real architecture with random weights."""
    from transformers import BertConfig, BertModel, T5Config, T5EncoderModel, T5Model

    if name == PROTBERT:
        sizes = {"vocab_size": 30, "hidden_size": 1024, "num_hidden_layers": 30, "num_attention_heads": 16}
        config = BertConfig(**sizes, intermediate_size=4096, max_position_embeddings=40_000)
        return BertModel(config, add_pooling_layer=False)
    sizes = {"vocab_size": 128, "d_model": 1024, "d_kv": 128, "d_ff": 16_384, "num_layers": 24, "num_heads": 32}
    config = T5Config(**sizes, num_decoder_layers=24, feed_forward_proj="relu", use_cache=False)
    config._attn_implementation = attention
    return (T5Model if name == PROTT5_FULL else T5EncoderModel)(config)


def distribute(model: torch.nn.Module, name: str, profile: str, checkpointing: bool) -> torch.nn.Module:
    """Distribute a model without a head as parallelism.prepare does."""
    import parallelism

    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if profile == "lora":
        from peft import LoraConfig, get_peft_model

        targets = parallelism.TARGETS[PROTBERT if name == PROTBERT else PROTT5]
        model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=targets))
        parallelism.store_frozen_in_half(model)
    if profile in parallelism.SHARDED:
        return shard(model, profile == "fsdp_offload")
    return model.cuda()


def shard(model: torch.nn.Module, offload: bool) -> torch.nn.Module:
    """Apply FSDP to the blocks of a model."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard

    policy = {
        "mesh": init_device_mesh("cuda", (torch.distributed.get_world_size(),)),
        "mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32),
    }
    if offload:
        policy["offload_policy"] = CPUOffloadPolicy()
    for block in model.modules():
        if type(block).__name__ in ("T5Block", "BertLayer"):
            fully_shard(block, **policy)
    return fully_shard(model, **policy)


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Return the peak bytes of the allocator, and the tokens per second of this process in the median step."""
    import parallelism

    profile, checkpointing = SIDES[options.side]
    with parallelism.process_group("ddp"):
        model = distribute(
            make_network(options.model, options.attention), options.model, profile, checkpointing
        ).train()
        optimizer = torch.optim.AdamW(
            (parameter for parameter in model.parameters() if parameter.requires_grad), fused=True
        )
        ids = torch.randint(3, 24, (max(1, options.tokens // options.length), options.length), device="cuda")
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        inputs |= {"decoder_input_ids": ids} if options.model == PROTT5_FULL else {}
        seconds = []
        for number in range(WARM_UP + options.steps):
            if number == WARM_UP:
                torch.cuda.reset_peak_memory_stats()
            seconds.append(step(model, optimizer, inputs, autocast=profile not in parallelism.SHARDED))
        median_seconds = sorted(seconds[WARM_UP:])[len(seconds[WARM_UP:]) // 2]
        return {"bytes": torch.cuda.max_memory_allocated(), "rate": ids.numel() / median_seconds}


def step(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, inputs: dict[str, torch.Tensor], autocast: bool
) -> float:
    """Run one training step, and return its seconds."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        loss = model(**inputs).last_hidden_state.float().pow(2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def find_instance() -> Instance:
    """Return this machine as an instance with the actual memory of its GPU.

    The GPU's speed is that of the table of instances or, if the table lacks the GPU, that of PEAKS (100 TFLOP/s if
    PEAKS lacks it as well).
    """
    name = torch.cuda.get_device_name()
    known_gpu = next(
        (instance.gpu for instance in INSTANCES.values() if instance.gpu and instance.gpu.name.split()[0] in name), None
    )
    tflops = next((peak for name_part, peak in PEAKS.items() if name_part in name), 100)
    mib = torch.cuda.get_device_properties(0).total_memory // MIB
    gpu = replace(known_gpu, mib=mib) if known_gpu else Gpu(name, mib, tflops, tflops / 8, 8)
    return Instance("here", os.cpu_count(), 128, torch.cuda.device_count(), gpu)


def predict(options: argparse.Namespace) -> dict[str, float]:
    """Return the planned bytes of the allocator and tokens per second of one process."""
    profile, checkpointing = SIDES[options.side]
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    count = max(1, options.tokens // options.length) * options.length
    work = Work(count, options.length, processes, eager=options.attention == "eager")
    shape, distribution = SHAPES[options.model], Distribution(profile, checkpointing)
    rate = estimate_cost(shape, distribution, work, Machine(find_instance(), price=0), 1).tokens_per_second / processes
    return {"bytes": estimate_memory(shape, distribution, work, 0).allocated, "rate": rate}


def report(rows: dict[str, dict[str, Any]]) -> None:
    """Print a row for each side."""
    print(
        f"\n{'':<30}{'GiB planned':>12}{'measured':>10}{'ratio':>7}{'tokens/s planned':>18}{'measured':>10}{'ratio':>7}"
    )
    for name, row in rows.items():
        if "failed" in row:
            print(f"{name:<30}{row['failed']}")
            continue
        ours, theirs = row["predicted"], row["measured"]
        sizes = f"{ours['bytes'] / 2**30:>12.2f}{theirs['bytes'] / 2**30:>10.2f}{ours['bytes'] / theirs['bytes']:>7.2f}"
        rates = f"{ours['rate']:>18,.0f}{theirs['rate']:>10,.0f}{ours['rate'] / theirs['rate']:>7.2f}"
        print(f"{name:<30}{sizes}{rates}")


def run_apart(side: str, argv: list[str]) -> dict[str, Any]:
    """Run a side in its own process, and return its figures, or {"failed": reason}."""
    process = subprocess.run([sys.executable, __file__, *argv, "--side", side], stdout=subprocess.PIPE, text=True)
    last = process.stdout.strip().splitlines()[-1:] or [""]
    return json.loads(last[0]) if process.returncode == 0 else {"failed": f"did not run (status {process.returncode})"}


def main(argv: list[str]) -> int:
    """Print a report of all sides, or the figures of one side as JSON, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=(PROTT5, PROTT5_FULL, PROTBERT), default=PROTT5)
    parser.add_argument("--tokens", type=int, default=6000)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--attention", choices=("eager", "sdpa"), default="sdpa", help="attention of a T5")
    parser.add_argument("--side", choices=SIDES, help="print only this side, as JSON (for torchrun)")
    options = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print("benchmarks/training.py requires a CUDA GPU; this machine has none, and nothing was measured")
        return 1
    if options.side:
        print(json.dumps({"predicted": predict(options), "measured": measure(options)}))
        return 0
    gpu = torch.cuda.get_device_properties(0)
    print(f"{SHAPES[options.model].title}; {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, torch {torch.__version__}")
    report({side: run_apart(side, argv) for side in SIDES})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
