"""Train the protein seed on FLIP's secondary structure, and write its card.

    python benchmarks/train_protein_seed.py --data DATA --out model_code/protein/seeds/cnn-ss3

DATA is the folder that contains proteins/flip_ss3. The script writes config.json, model.safetensors and card.json to
the model folder. The model card, README.md, is written by hand from these files. train.py runs in two processes of one
thread each, as the embedded SageMaker starts it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAIN = Path(__file__).resolve().parents[1] / "model_code" / "protein" / "train.py"
RECIPE = {
    "model": "cnn",
    "task": "ss3",
    "profile": "ddp",
    "epochs": 4,
    "learning_rate": 2e-3,
    "tokens_per_batch": 3000,
    "seed": 1,
}
PROCESSES = 2


def read_fasta(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (header without >, joined lines) of each record of one of FLIP's files."""
    for record in path.read_text().split(">")[1:]:
        header, _, body = record.partition("\n")
        yield header.strip(), "".join(body.split())


def find_split(header: str) -> str:
    """Return the split of a protein. Words such as SET=train VALIDATION=True follow its name in the header."""
    words = dict(word.split("=") for word in header.split()[1:])
    if words["SET"] == "test":
        return "test"
    return "validation" if words["VALIDATION"] == "True" else "train"


def convert(flip: Path, folder: Path) -> None:
    """Write FLIP's three files as normalised training data. Residues marked as unresolved are not scored."""
    sequences, masks = (dict(read_fasta(flip / "splits" / f"{name}.fasta")) for name in ("sequences", "mask"))
    files = {split: (folder / f"{split}.jsonl").open("w") for split in ("train", "validation", "test")}
    for header, structure in read_fasta(flip / "splits" / "sampled.fasta"):
        name = header.split()[0]
        pairs = zip(structure, masks[name], strict=True)
        labels = "".join("-" if resolved == "0" else label for label, resolved in pairs)
        line = {"id": name, "sequence": sequences[name].upper(), "labels": labels}
        files[find_split(header)].write(json.dumps(line) + "\n")
    for file in files.values():
        file.close()


def train(data: Path, out: Path, scratch: Path) -> dict[str, float]:
    """Run train.py as a training job does, and return wall seconds, CPU seconds and the number of processes."""
    arguments = [f"--{name}={value}" for name, value in RECIPE.items()]
    folders = [f"--data={data}", f"--model-dir={out}", f"--checkpoints={scratch}"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={PROCESSES}"]
    began = time.monotonic()
    subprocess.run(
        [*launch, TRAIN, *arguments, *folders],
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = round(time.monotonic() - began)
    return {"wall_seconds": wall, "cpu_seconds": round(used.ru_utime + used.ru_stime), "processes": PROCESSES}


def main() -> None:
    """Train the seed, and write its card."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--out", type=Path, required=True, help="the model folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        convert(args.data / "proteins" / "flip_ss3", data)
        cost = train(data, args.out, Path(name) / "checkpoints")
    shutil.rmtree(args.out / "code")  # the repository has these modules in model_code/protein
    path = args.out / "card.json"
    card = json.loads(path.read_text()) | {"cost": cost}
    path.write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps(card["metrics"] | cost, indent=2))


if __name__ == "__main__":
    main()
