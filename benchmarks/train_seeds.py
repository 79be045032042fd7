"""Train a seed model: make its data set, run train.py, and measure its figures.

    python benchmarks/train_seeds.py promoter-70  --data DATA --out model_code/dnabert/seeds/promoter-70
    python benchmarks/train_seeds.py promoter-300 --data DATA --out model_code/dnabert/seeds/promoter-300
    python benchmarks/train_seeds.py masked-6     --data DATA --out model_code/dnabert/seeds/masked-6

DATA is the folder that contains promoters/gue, promoters/real_negatives and genomes. The script writes config.json,
vocab.txt, model.safetensors and figures.json to the model folder. The model card, README.md, is written by hand from
these files.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promoter_data
from promoter_data import Labelled, Split
from promoter_figures import figures

TRAIN = Path(__file__).resolve().parents[1] / "model_code" / "dnabert" / "train.py"


@dataclass(frozen=True)
class Recipe:
    """The recipe of a seed model: its data set, and the arguments of train.py that are not defaults."""

    data: str
    arguments: tuple[str, ...]


# --positions is the number of tokens of a window. Embeddings of further positions would not be trained, so the model
# must refuse longer windows.
RECIPES = {
    "promoter-70": Recipe("promoters_70", ("--epochs=5", "--precision=bf16", "--positions=67")),
    "promoter-300": Recipe(
        "promoters_300",
        ("--epochs=4", "--batch-size=32", "--learning-rate=5e-4", "--precision=bf16", "--positions=297"),
    ),
    "masked-6": Recipe(
        "human_dna",
        (
            "--task=masked",
            "--epochs=6",
            "--batch-size=64",
            "--learning-rate=1e-3",
            "--precision=bf16",
            "--positions=147",
        ),
    ),
}


def write_csv(path: Path, items: list[Labelled]) -> None:
    """Write sequences as a CSV file that train.py reads."""
    with path.open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(("sequence", "label", "source"))
        rows.writerows((item.sequence, item.label, item.source) for item in items)


# Names of the classes of a data set, for config.json. analyses.toml must use the same name for class 1.
LABELS = {
    "promoters_70": ("not core promoter", "core promoter"),
    "promoters_300": ("not promoter", "promoter"),
}


def name_classes(path: Path, labels: tuple[str, ...]) -> None:
    """Write the names of the classes into a config.json."""
    config = json.loads(path.read_text())
    config |= {"id2label": dict(enumerate(labels)), "label2id": {label: n for n, label in enumerate(labels)}}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def train(recipe: Recipe, split: Split, out: Path, seed: int, threads: int) -> None:
    """Run train.py as a user does, with `threads` threads, and write the model to the folder `out`."""
    with tempfile.TemporaryDirectory() as folder:
        sets = {"train": split.train, "validation": split.validation}
        files = {name: Path(folder) / f"{name}.csv" for name in sets}
        for name, items in sets.items():
            write_csv(files[name], items)
        options = [f"--{name}={path}" for name, path in files.items()]
        command = [sys.executable, TRAIN, *options, f"--model-dir={out}", f"--seed={seed}", *recipe.arguments]
        subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    if recipe.data in LABELS:
        name_classes(out / "config.json", LABELS[recipe.data])
    shutil.rmtree(out / "code")  # the repository has these modules in model_code/dnabert


def count_by_source(items: list[Labelled]) -> dict[str, int]:
    """Return the number of sequences of each source and label."""
    counts = Counter(f"{item.source}, {'promoter' if item.label else 'not'}" for item in items)
    return dict(sorted(counts.items()))


def report(recipe: Recipe, split: Split, out: Path) -> dict[str, Any]:
    """Return the content of figures.json: metrics of the training, composition of the sets, figures of the model."""
    measure = measure_masked if "--task=masked" in recipe.arguments else measure_promoters
    sets = {"train": split.train, "validation": split.validation, **split.tests}
    return {
        "training": json.loads((out / "metrics.json").read_text()),
        "dropped_for_overlap": split.dropped,
        "sets": {name: count_by_source(items) for name, items in sets.items()},
        **measure(split, out),
    }


def measure_promoters(split: Split, out: Path) -> dict[str, Any]:
    """Return the figures of a promoter model."""
    from classifier import load_classifier

    classifier = load_classifier(out)
    return {
        "validation": figures(classifier, {"real": split.validation}),
        "test": figures(classifier, split.tests),
    }


def measure_masked(split: Split, out: Path) -> dict[str, Any]:
    """Return the figures of a masked language model."""
    import masked_figures
    from filler import load_filler

    filler = load_filler(out)
    sets = {"validation": split.validation, **split.tests}
    return {"test": masked_figures.figures(filler, split.train, sets)}


def main() -> None:
    """Train a seed, and write its figures."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--out", type=Path, required=True, help="the model folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--figures-only", action="store_true", help="only measure the model in --out")
    args = parser.parse_args()
    recipe = RECIPES[args.name]
    split = getattr(promoter_data, recipe.data)(args.data)
    if not args.figures_only:
        train(recipe, split, args.out, args.seed, args.threads)
    content = json.dumps(report(recipe, split, args.out), indent=2)
    (args.out / "figures.json").write_text(content + "\n")
    print(content)


if __name__ == "__main__":
    main()
