"""Sequences per second of DNABERT: our batches compared with the usual pipelines and with the processor's limit.

    .venv/bin/python benchmarks/inference.py [--sequences 96] [--rounds 3] [--model DIR]

Without --model the network has DNABERT's shape (12 layers of 768, 89 M parameters) and random weights; the speed does
not depend on the weights. Sequences are random DNA of 100 to 500 bases, seeded. The sides run one after the other in
each round; the best time of each counts:

  one at a time   the text-classification pipeline on k-mer text, one sequence per call, fp32, as in tutorials
  padded batches  the same pipeline with batch_size=32, in the order of the file
  fp32, bf16, int8  classifier.py in each precision

The ceiling is the speed of the fastest matrix product in bf16 (or fp32, if the processor has no bf16) on this machine.
A side's share of the ceiling counts only necessary operations: none for padding, and in the last layer only those that
the output of [CLS] needs, because the classifier reads no other output of that layer.
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


def write_random_model(folder: Path) -> Path:
    """Write a model of DNABERT's shape with random weights to a folder, and return the folder."""
    write_vocabulary(folder / "vocab.txt", K)
    config = transformers.BertConfig(vocab_size=4101)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def random_sequences(count: int, longest: int) -> list[str]:
    """Return random sequences of at most `longest` bases, the same on each call."""
    generator = np.random.default_rng(1)
    lengths = generator.integers(min(100, longest), longest + 1, count)
    return ["".join(generator.choice(list("ACGT"), size)) for size in lengths]


def pipeline_side(folder: Path, texts: list[str], batch: int) -> Callable[[], list[float]]:
    """Return a function that computes the positive probabilities with the Hugging Face pipeline."""
    vocabulary = KmerTokens.from_file(folder / "vocab.txt").vocabulary
    tokenizer = transformers.BertTokenizer(vocab=vocabulary, do_lower_case=False)
    model = transformers.BertForSequenceClassification.from_pretrained(folder).float().eval()  # nosec B615 # a folder
    positive = model.config.id2label[1]
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, device="cpu")
    kmers = [" ".join(text[i : i + K] for i in range(len(text) - K + 1)) for text in texts]

    def run() -> list[float]:
        results = pipe(kmers, batch_size=batch) if batch > 1 else [pipe(text)[0] for text in kmers]
        return [{entry["label"]: entry["score"] for entry in entries}[positive] for entries in results]

    return run


def our_side(folder: Path, texts: list[str], precision: str) -> Callable[[], list[float]]:
    """Return a function that computes the positive probabilities with classifier.py."""
    classifier = load_classifier(folder, precision=precision)
    return lambda: classifier.compute(
        [classifier.tokens.kmer_ids(encode_bases(text.encode())) for text in texts]
    ).tolist()


def count_operations(folder: Path, texts: list[str]) -> float:
    """Return the number of floating point operations that the sequences need; a multiply-add counts as two."""
    config = transformers.BertConfig.from_pretrained(folder)  # nosec B615 # a folder of this machine
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens = np.array([len(text) - K + 1 + 2 for text in texts], dtype=np.float64)
    # Operations per token and layer: for keys (as many again for values), and for queries and all later products.
    key_value, other = 2 * width * width, 2 * (2 * width * width + 2 * width * inner)
    whole = tokens * (2 * key_value + other) + 4 * tokens * tokens * width
    last = tokens * 2 * key_value + other + 4 * tokens * width
    return float(((layers - 1) * whole + last).sum())


def measure_ceiling(dtype: torch.dtype) -> float:
    """Return the operations per second of the fastest matrix product of several shapes."""
    best = 0.0
    for rows, inner, columns in ((4096, 768, 3072), (4096, 3072, 768), (16384, 768, 768), (2048, 2048, 2048)):
        left, right = torch.randn(rows, inner, dtype=dtype), torch.randn(columns, inner, dtype=dtype)
        for _ in range(6):
            began = time.perf_counter()
            torch.nn.functional.linear(left, right)
            best = max(best, 2 * rows * inner * columns / (time.perf_counter() - began))
    return best


def measure(
    sides: dict[str, Callable[[], list[float]]], rounds: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the best time of each side in seconds, and its probabilities."""
    times, results = dict.fromkeys(sides, 1e9), {}
    for _ in range(rounds):
        for name, run in sides.items():
            began = time.perf_counter()
            results[name] = run()
            times[name] = min(times[name], time.perf_counter() - began)
            print(f"  {name}: {times[name]:.1f} s", file=sys.stderr)
    return times, results


def report(times: dict[str, float], results: dict[str, list[float]], needed: float, best: float) -> None:
    """Print a row for each side: speed, share of the ceiling, and agreement with the first side."""
    base = times["one at a time"]
    exact = np.array(results["one at a time"])
    count = len(exact)
    print(f"\n{'':<16}{'sequences/s':>12}{'x one at a time':>17}{'of ceiling':>12}{'99.9th |dp|':>13}{'labels':>9}")
    for name, seconds in times.items():
        values = np.array(results[name])
        difference = np.quantile(np.abs(values - exact), 0.999)
        agreement = np.mean((values > 0.5) == (exact > 0.5))
        share = needed / seconds / best
        speed = f"{count / seconds:>12.1f}{base / seconds:>17.2f}{share:>12.0%}"
        print(f"{name:<16}{speed}{difference:>13.5f}{agreement:>9.1%}")


def main() -> None:
    """Measure all sides, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--longest", type=int, default=500, help="bases of the longest sequence")
    parser.add_argument("--model", type=Path, help="a checkpoint folder (default: DNABERT's shape, random weights)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.model or write_random_model(Path(scratch))
        texts = random_sequences(args.sequences, args.longest)
        sides = {"one at a time": pipeline_side(folder, texts, 1), "padded batches": pipeline_side(folder, texts, 32)}
        precisions = ["fp32", *(["bf16"] if cpu_has_bf16() else []), "int8"]
        sides |= {name: our_side(folder, texts, name) for name in precisions}
        best = measure_ceiling(torch.bfloat16 if cpu_has_bf16() else torch.float32)
        threads = torch.get_num_threads()
        print(f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}")
        print(f"bf16 in hardware: {cpu_has_bf16()}; ceiling {best / 1e9:.0f} GFLOP/s")
        times, results = measure(sides, args.rounds)
        best = max(best, measure_ceiling(torch.bfloat16 if cpu_has_bf16() else torch.float32))
        report(times, results, count_operations(folder, texts), best)


if __name__ == "__main__":
    main()
