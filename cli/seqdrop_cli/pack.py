"""Making a model.tar.gz as the Hugging Face inference container wants it: the checkpoint, and code/ beside it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from seqdrop_cli.checkpoint import Checkpoint, read_checkpoint
from seqdrop_cli.protein_checkpoint import is_protein, read_protein
from seqdrop_cli.vocabulary import UnfitModel

MODEL_CODE = Path(__file__).resolve().parents[2] / "model_code"  # of the checkout that this command runs from
CODE, PROTEIN_CODE = MODEL_CODE / "dnabert", MODEL_CODE / "protein"
# Training code lies in the same folder; the container needs what inference.py imports.
LEFT_OUT = {"train.py"}
# The card and what belongs to it. Optimizer states, other frameworks' weights and tokenizers are nothing to the
# handler, and a requirements.txt would have the container install packages at its start.
KEPT = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "figures.json", "metrics.json", "calibration.json")
PROTEIN_FILES = (*KEPT, "card.json", "config.json", "vocab.txt", "model.safetensors")
LEVEL = 1  # of gzip: weights hardly shrink, whatever the level


def pack_model(folder: Path, code: Path | None = None, task: str | None = None, labels: tuple[str, ...] = ()) -> bytes:
    """The archive's bytes. The same files give the same bytes, so the digest names the content.

    `folder` is a Hugging Face folder or one of model_code/protein, `code` one whose *.py become code/ (if it is not to
    be the one that fits). Raises UnfitModel.
    """
    if is_protein(folder):
        read_protein(folder)
        return protein_archive(folder, code)
    return archive(folder, read_checkpoint(folder, task, labels), code)


def archive(folder: Path, checkpoint: Checkpoint, code: Path | None = None) -> bytes:
    """As `pack_model`, of a checkpoint that was read from the folder."""
    return _packed(_members(folder, checkpoint, code or CODE))


def protein_archive(folder: Path, code: Path | None = None) -> bytes:
    """As `pack_model`, of a protein model, whose files are taken as they are."""
    found = {name: (folder / name).read_bytes() for name in PROTEIN_FILES if (folder / name).is_file()}
    return _packed(found | _code(code or PROTEIN_CODE))


def _packed(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=held, mode="wb", mtime=0, compresslevel=LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name in sorted(members):
            _add(tar, name, members[name])
    return held.getvalue()


@contextmanager
def unpacked(body: bytes) -> Iterator[Path]:
    """A folder with the archive's files, as the container sees them; gone afterwards. Raises UnfitModel."""
    with TemporaryDirectory(prefix="seqdrop-model-") as name:
        try:
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
                tar.extractall(name, filter="data")  # refuses names and links that lead out, and devices
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise UnfitModel(f"the file is no model.tar.gz: {error}") from error
        yield Path(name)


def _members(folder: Path, checkpoint: Checkpoint, code: Path) -> dict[str, bytes]:
    found = {name: (folder / name).read_bytes() for name in KEPT if (folder / name).is_file()}
    return found | {
        **_code(code),
        "config.json": (json.dumps(checkpoint.config, indent=2, sort_keys=True) + "\n").encode(),
        "vocab.txt": checkpoint.vocabulary.text(),
        "model.safetensors": checkpoint.weights,
    }


def _code(folder: Path) -> dict[str, bytes]:
    if not (folder / "inference.py").is_file():
        raise UnfitModel(f"{folder / 'inference.py'} is not there; name the folder of the model code with --code")
    return {f"code/{path.name}": path.read_bytes() for path in folder.glob("*.py") if path.name not in LEFT_OUT}


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(body), 0o644
    tar.addfile(info, io.BytesIO(body))
