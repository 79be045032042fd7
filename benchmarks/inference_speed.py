"""How fast a seed model answers work items: windows and bases a second, through inference.py as a job calls it.

python benchmarks/inference_speed.py --kilobases 100 --threads 2
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code" / "dnabert"))

import inference

SEEDS = Path(inference.__file__).with_name("seeds")
WINDOWS = {"promoter-70": (70, 35), "promoter-300": (300, 150)}


def shard(kilobases: int, per_item: int = 10_000) -> bytes:
    """A request of chance sequences, ten kilobases a line."""
    chance = random.Random(1)
    items = [
        {
            "id": f"u:1:{start}",
            "record": "chance",
            "start": start,
            "sequence": "".join(chance.choices("ACGT", k=per_item)),
        }
        for start in range(0, 1000 * kilobases, per_item)
    ]
    return "\n".join(map(json.dumps, items)).encode()


def measure(name: str, body: bytes, strands: str) -> dict[str, float]:
    """Seconds of one request after a small one that warms up."""
    window, stride = WINDOWS[name]
    os.environ |= {"SEQDROP_WINDOW": str(window), "SEQDROP_STRIDE": str(stride), "SEQDROP_STRANDS": strands}
    model = inference.model_fn(str(SEEDS / name))
    inference.predict_fn(inference.input_fn(shard(10), inference.JSON_LINES), model)
    began = time.perf_counter()
    answer = inference.output_fn(inference.predict_fn(inference.input_fn(body, inference.JSON_LINES), model))
    seconds = time.perf_counter() - began
    windows = sum(len(json.loads(line)["windows"]) for line in answer.split("\n"))
    return {"windows": windows, "seconds": round(seconds, 2), "windows_per_second": round(windows / seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kilobases", type=int, default=100)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--strands", choices=("+", "+-"), default="+-")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    body = shard(args.kilobases)
    for name in WINDOWS:
        print(json.dumps({"model": name, "threads": args.threads, **measure(name, body, args.strands)}))
    print(json.dumps({"peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
