"""model.tar.gz as the Hugging Face inference container expects it: the checkpoint, and its code in code/."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seqdrop.models.packing import Content, make_tar_gz

from seqdrop_cli.deploy.checkpoint import Checkpoint, read_checkpoint
from seqdrop_cli.deploy.model_code import MODEL_CODE, find_modules
from seqdrop_cli.deploy.protein_checkpoint import is_protein, read_protein
from seqdrop_cli.deploy.protein_classifier import convert_classifier, is_protein_bert
from seqdrop_cli.deploy.vocabulary import UnsuitableModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DNA_CODE, PROTEIN_CODE = MODEL_CODE / "dnabert", MODEL_CODE / "protein"
# The container needs only what inference.py imports; training code is in the same folder.
LEFT_OUT = {"train.py"}
# The model card and its files. All other files are left out: the handler does not read optimizer states, weights of
# other frameworks or tokenizers, and because of a requirements.txt the container would install packages at its start.
CARD_FILES = ("README.md", "LICENSE", "LICENSE.txt", "LICENSE.md", "figures.json", "metrics.json", "calibration.json")
PROTEIN_FILES = (*CARD_FILES, "card.json", "config.json", "vocab.txt", "model.safetensors")


def pack_model(folder: Path, code: Path | None = None, task: str | None = None, labels: tuple[str, ...] = ()) -> bytes:
    """Return the bytes of the archive. The same files give the same bytes, so the digest identifies the content.

    `folder` is a Hugging Face folder of DNABERT, or of ProtBERT with a head for secondary structure, or a folder that
    model_code/protein wrote. The *.py files of `code` (default: the
    folder of model_code/ for this kind of model) become code/ in the archive, with common/ if they import it. Raise
    UnsuitableModelError.
    """
    if is_protein(folder) or is_protein_bert(folder):
        return pack_protein(folder, code, labels)
    return pack_dna(folder, read_checkpoint(folder, task, labels), code)


def pack_dna(folder: Path, checkpoint: Checkpoint, code: Path | None = None) -> bytes:
    """Return the archive of a DNA model; `checkpoint` was read from the folder."""
    return make_tar_gz(_members(folder, checkpoint, code or DNA_CODE))


def pack_protein(folder: Path, code: Path | None = None, labels: tuple[str, ...] = ()) -> bytes:
    """Return the archive of a protein model.

    The files that model_code/protein wrote are taken unchanged. A ProtBERT with a head is converted to such files;
    `labels` name its classes in the order of its logits. Raise UnsuitableModelError.
    """
    if is_protein(folder):
        read_protein(folder)
        members: dict[str, Content] = {**_files(folder, PROTEIN_FILES)}
    else:
        members = {**_files(folder, CARD_FILES), **convert_classifier(folder, labels)}
    return make_tar_gz({**members, **_code(code or PROTEIN_CODE)})


@contextmanager
def unpack(body: bytes) -> Iterator[Path]:
    """Yield a temporary folder with the archive's files, as the container sees them. Raise UnsuitableModelError."""
    with TemporaryDirectory(prefix="seqdrop-model-") as name:
        try:
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
                tar.extractall(name, filter="data")  # refuses names and links that lead out, and devices
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise UnsuitableModelError(
                f"the model is not a model.tar.gz ({error}); name a folder, or an archive of `seqdrop package-model`"
            ) from error
        yield Path(name)


def _members(folder: Path, checkpoint: Checkpoint, code: Path) -> Mapping[str, Content]:
    return {
        **_files(folder, CARD_FILES),
        **_code(code),
        "config.json": (json.dumps(checkpoint.config, indent=2, sort_keys=True) + "\n").encode(),
        "vocab.txt": checkpoint.vocabulary.text(),
        "model.safetensors": checkpoint.weights,
    }


def _files(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    return {name: folder / name for name in names if (folder / name).is_file()}


def _code(folder: Path) -> dict[str, Path]:
    if not (folder / "inference.py").is_file():
        raise UnsuitableModelError(f"{folder / 'inference.py'} does not exist; name the folder of the code with --code")
    return {f"code/{name}": path for name, path in find_modules(folder, LEFT_OUT).items()}
