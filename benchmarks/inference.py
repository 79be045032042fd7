"""Sequences a second: our batches beside the ways most people run DNABERT, and beside what the processor can do.

    .venv/bin/python benchmarks/inference.py [--sequences 96] [--rounds 3] [--model DIR]

Without --model the network has DNABERT's true shape (12 layers of 768, 89 M parameters) and random weights: speed does
not depend on what they are. Sequences are random DNA of 100 to 500 bases, seeded. Sides, all in one run and one after
the other in each round, the best time of each counting:

  one at a time   the text-classification pipeline on k-mer text, a sequence a call, fp32, as tutorials have it
  padded batches  the same pipeline with batch_size=32, in the order of the file
  fp32, bf16, int8  ours, through classifier.py, at each precision

The ceiling is the fastest matrix product of bf16 (or fp32, where the processor has no bf16) found on this machine. A
side's share of it counts the multiplications that the answers need: no padding, and in the last layer only what [CLS]
asks for, as nothing else of it is read.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import transformers

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code"))  # for common/
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "model_code" / "dnabert"))

from typing import TYPE_CHECKING

from classifier import load_classifier
from network import cpu_has_bf16
from small_bert import write_vocabulary
from tokens import KmerTokens, encode_bases

if TYPE_CHECKING:
    from collections.abc import Callable

K = 6
warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()


def true_shape(folder: Path) -> Path:
    """A folder with DNABERT's shape and random weights."""
    write_vocabulary(folder / "vocab.txt", K)
    config = transformers.BertConfig(vocab_size=4101)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def sequences(count: int, longest: int) -> list[str]:
    chance = np.random.default_rng(1)
    lengths = chance.integers(min(100, longest), longest + 1, count)
    return ["".join(chance.choice(list("ACGT"), size)) for size in lengths]


def pipeline_side(folder: Path, texts: list[str], batch: int) -> Callable[[], list[float]]:
    vocabulary = KmerTokens.from_file(folder / "vocab.txt").vocabulary
    tokenizer = transformers.BertTokenizer(vocab=vocabulary, do_lower_case=False)
    model = transformers.BertForSequenceClassification.from_pretrained(folder).float().eval()
    positive = model.config.id2label[1]
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, device="cpu")
    kmers = [" ".join(text[i : i + K] for i in range(len(text) - K + 1)) for text in texts]

    def run() -> list[float]:
        answers = pipe(kmers, batch_size=batch) if batch > 1 else [pipe(one)[0] for one in kmers]
        return [{found["label"]: found["score"] for found in answer}[positive] for answer in answers]

    return run


def our_side(folder: Path, texts: list[str], precision: str) -> Callable[[], list[float]]:
    classifier = load_classifier(folder, precision=precision)
    return lambda: classifier.compute(
        [classifier.tokens.kmer_ids(encode_bases(text.encode())) for text in texts]
    ).tolist()


def work(folder: Path, texts: list[str]) -> float:
    """Floating point operations (a multiplication and an addition are two) that these sequences' answers need."""
    config = transformers.BertConfig.from_pretrained(folder)
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens = np.array([len(text) - K + 1 + 2 for text in texts], dtype=np.float64)
    mapped, rest = 2 * width * width, 2 * (2 * width * width + 2 * width * inner)  # keys, values; queries and after
    whole = tokens * (2 * mapped + rest) + 4 * tokens * tokens * width
    last = tokens * 2 * mapped + rest + 4 * tokens * width
    return float(((layers - 1) * whole + last).sum())


def ceiling(dtype: torch.dtype) -> float:
    """Operations a second of the fastest matrix product tried."""
    best = 0.0
    for rows, inner, columns in ((4096, 768, 3072), (4096, 3072, 768), (16384, 768, 768), (2048, 2048, 2048)):
        left, right = torch.randn(rows, inner, dtype=dtype), torch.randn(columns, inner, dtype=dtype)
        for _ in range(6):
            began = time.perf_counter()
            torch.nn.functional.linear(left, right)
            best = max(best, 2 * rows * inner * columns / (time.perf_counter() - began))
    return best


def measured(sides: dict[str, Callable], rounds: int) -> tuple[dict[str, float], dict[str, list[float]]]:
    times, answers = dict.fromkeys(sides, 1e9), {}
    for _ in range(rounds):
        for name, run in sides.items():
            began = time.perf_counter()
            answers[name] = run()
            times[name] = min(times[name], time.perf_counter() - began)
            print(f"  {name}: {times[name]:.1f} s", file=sys.stderr)
    return times, answers


def report(times: dict, answers: dict, count: int, needed: float, best: float) -> None:
    base = times["one at a time"]
    exact = np.array(answers["one at a time"])
    print(f"\n{'':<16}{'sequences/s':>12}{'x one at a time':>17}{'of ceiling':>12}{'99.9th |dp|':>13}{'labels':>9}")
    for name, seconds in times.items():
        found = np.array(answers[name])
        far = np.quantile(np.abs(found - exact), 0.999)
        same = np.mean((found > 0.5) == (exact > 0.5))
        share = needed / seconds / best
        print(f"{name:<16}{count / seconds:>12.1f}{base / seconds:>17.2f}{share:>12.0%}{far:>13.5f}{same:>9.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--longest", type=int, default=500, help="bases; no more than the model takes")
    parser.add_argument("--model", type=Path, help="a checkpoint folder (default: the true shape, random)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.model or true_shape(Path(scratch))
        texts = sequences(args.sequences, args.longest)
        sides = {"one at a time": pipeline_side(folder, texts, 1), "padded batches": pipeline_side(folder, texts, 32)}
        precisions = ["fp32", *(["bf16"] if cpu_has_bf16() else []), "int8"]
        sides |= {name: our_side(folder, texts, name) for name in precisions}
        best = ceiling(torch.bfloat16 if cpu_has_bf16() else torch.float32)
        threads = torch.get_num_threads()
        print(f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}")
        print(f"bf16 in hardware: {cpu_has_bf16()}; ceiling {best / 1e9:.0f} GFLOP/s")
        times, answers = measured(sides, args.rounds)
        best = max(best, ceiling(torch.bfloat16 if cpu_has_bf16() else torch.float32))
        report(times, answers, len(texts), work(folder, texts), best)


if __name__ == "__main__":
    main()
