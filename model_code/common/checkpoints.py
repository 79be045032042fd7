"""Checkpoints as training jobs receive and leave them: the channel with weights, vocab.txt, the code to serve."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE, CONFIG = "model.tar.gz", "config.json"


@contextmanager
def open_checkpoint(channel: Path) -> Iterator[Path]:
    """Provide the checkpoint folder of a channel: the channel itself, or what its model.tar.gz holds.

    What was unpacked is removed afterwards. Raise ValueError where there is no config.json.
    """
    if not (channel / ARCHIVE).is_file():
        yield checkpoint_folder(channel)
        return
    with tempfile.TemporaryDirectory(prefix="seqdrop-weights-") as name:
        unpack(channel / ARCHIVE, Path(name))
        yield checkpoint_folder(Path(name))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive, compressed or not, into a folder."""
    with tarfile.open(archive, mode="r:*") as tar:
        tar.extractall(folder, filter="data")  # refuses names and links that lead out, and devices


def checkpoint_folder(folder: Path) -> Path:
    """Return the folder, or the one folder in it, that holds config.json. Raise ValueError where neither does."""
    holders = [path.parent for path in (folder / CONFIG, *folder.glob(f"*/{CONFIG}")) if path.is_file()]
    if not holders:
        raise ValueError("the channel `model` holds no config.json: it must be a pre-trained folder or its archive")
    return holders[0]


def read_vocabulary(path: Path | str) -> dict[str, int]:
    """Return token to id as in vocab.txt: the id of a token is its line number, from 0."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return {line.strip(): number for number, line in enumerate(lines) if line.strip()}


def make_servable(model_dir: Path, program: Path) -> None:
    """Complete a model folder: weights that the server's user may read, and code/ with the modules beside `program`.

    This package is copied as well, so that an archive of the folder can be served as it is.
    """
    (model_dir / "model.safetensors").chmod(0o644)  # save_file writes it for its owner alone
    code = model_dir / "code"
    for source, target in ((program.parent, code), (Path(__file__).parent, code / Path(__file__).parent.name)):
        target.mkdir(parents=True, exist_ok=True)
        for module in source.glob("*.py"):
            shutil.copyfile(module, target / module.name)
