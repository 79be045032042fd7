"""Peak memory and tokens a second of training, as planned and as measured on a GPU, for the true shapes.

    .venv/bin/python benchmarks/training.py [--model prott5] [--tokens 6000] [--length 1024] [--steps 6]

It needs a CUDA GPU, and says so where there is none: what a processor takes is no measure of a GPU's memory. Weights
are random; neither memory nor speed depends on what they are. Each side runs in a process of its own, so that none
finds what another left behind: forward, backward and update as model_code/protein/train.py does them on one GPU, the
first steps not counted. Over more GPUs: torchrun … --side "fsdp, checkpointing".

Columns: what the plan says PyTorch's allocator holds at the peak, what it held (torch.cuda.max_memory_allocated), the
one by the other; the same of tokens a second. The plan is meant to be right within a tenth for memory, and within a
factor of two for speed.
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


def network(name: str, attention: str) -> torch.nn.Module:
    """The true architecture with random weights."""
    from transformers import BertConfig, BertModel, T5Config, T5EncoderModel, T5Model

    if name == PROTBERT:
        sizes = {"vocab_size": 30, "hidden_size": 1024, "num_hidden_layers": 30, "num_attention_heads": 16}
        config = BertConfig(**sizes, intermediate_size=4096, max_position_embeddings=40_000)
        return BertModel(config, add_pooling_layer=False)
    sizes = {"vocab_size": 128, "d_model": 1024, "d_kv": 128, "d_ff": 16_384, "num_layers": 24, "num_heads": 32}
    config = T5Config(**sizes, num_decoder_layers=24, feed_forward_proj="relu", use_cache=False)
    config._attn_implementation = attention
    return (T5Model if name == PROTT5_FULL else T5EncoderModel)(config)


def spread(model: torch.nn.Module, name: str, profile: str, checkpointing: bool) -> torch.nn.Module:
    """As parallelism.py does it, whose code this is, for a model without a head."""
    import parallelism

    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if profile == "lora":
        from peft import LoraConfig, get_peft_model

        targets = parallelism.TARGETS[PROTBERT if name == PROTBERT else PROTT5]
        model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=targets))
        parallelism.store_frozen_in_half(model)
    if profile in parallelism.SHARDED:
        return sharded(model, profile == "fsdp_offload")
    return model.cuda()


def sharded(model: torch.nn.Module, offload: bool) -> torch.nn.Module:
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


def measured(options) -> dict[str, float]:
    """Peak bytes of the allocator and tokens a second, of this process."""
    import parallelism

    profile, checkpointing = SIDES[options.side]
    with parallelism.process_group("ddp"):
        model = spread(network(options.model, options.attention), options.model, profile, checkpointing).train()
        optimizer = torch.optim.AdamW((one for one in model.parameters() if one.requires_grad), fused=True)
        ids = torch.randint(3, 24, (max(1, options.tokens // options.length), options.length), device="cuda")
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        given |= {"decoder_input_ids": ids} if options.model == PROTT5_FULL else {}
        seconds = []
        for number in range(WARM_UP + options.steps):
            if number == WARM_UP:
                torch.cuda.reset_peak_memory_stats()
            seconds.append(step(model, optimizer, given, autocast=profile not in parallelism.SHARDED))
        best = sorted(seconds[WARM_UP:])[len(seconds[WARM_UP:]) // 2]
        return {"bytes": torch.cuda.max_memory_allocated(), "rate": ids.numel() / best}


def step(model, optimizer, given: dict, autocast: bool) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        loss = model(**given).last_hidden_state.float().pow(2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def here() -> Instance:
    """This machine's GPU as an instance: of the table, if it has the same, else by its data sheet."""
    name = torch.cuda.get_device_name()
    found = next((one.gpu for one in INSTANCES.values() if one.gpu and one.gpu.name.split()[0] in name), None)
    tflops = next((peak for known, peak in PEAKS.items() if known in name), 100)
    mib = torch.cuda.get_device_properties(0).total_memory // MIB
    gpu = replace(found, mib=mib) if found else Gpu(name, mib, tflops, tflops / 8, 8)
    return Instance("here", os.cpu_count(), 128, torch.cuda.device_count(), gpu)


def predicted(options) -> dict[str, float]:
    profile, checkpointing = SIDES[options.side]
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    count = max(1, options.tokens // options.length) * options.length
    work = Work(count, options.length, processes, eager=options.attention == "eager")
    shape, distribution = SHAPES[options.model], Distribution(profile, checkpointing)
    rate = estimate_cost(shape, distribution, work, Machine(here(), price=0), 1).tokens_per_second / processes
    return {"bytes": estimate_memory(shape, distribution, work, 0).allocated, "rate": rate}


def report(rows: dict[str, dict]) -> None:
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


def apart(side: str, argv: list[str]) -> dict:
    """One side in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *argv, "--side", side], stdout=subprocess.PIPE, text=True)
    last = done.stdout.strip().splitlines()[-1:] or [""]
    return json.loads(last[0]) if done.returncode == 0 else {"failed": f"did not run (status {done.returncode})"}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=(PROTT5, PROTT5_FULL, PROTBERT), default=PROTT5)
    parser.add_argument("--tokens", type=int, default=6000)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--attention", choices=("eager", "sdpa"), default="sdpa", help="of a T5")
    parser.add_argument("--side", choices=SIDES, help="one side, as JSON (so torchrun starts it)")
    options = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print("benchmarks/training.py measures a CUDA GPU, and this machine has none; nothing was measured")
        return 1
    if options.side:
        print(json.dumps({"predicted": predicted(options), "measured": measured(options)}))
        return 0
    gpu = torch.cuda.get_device_properties(0)
    print(f"{SHAPES[options.model].title}; {gpu.name}, {gpu.total_memory / 2**30:.0f} GiB, torch {torch.__version__}")
    report({side: apart(side, argv) for side in SIDES})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
