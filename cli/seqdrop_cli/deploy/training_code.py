"""The archive that a training job runs: a family of model_code/ as sourcedir.tar.gz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.models.code_bundles import TRAINING_ENTRY
from seqdrop.models.packing import make_tar_gz

from seqdrop_cli.deploy.model_code import find_modules

if TYPE_CHECKING:
    from pathlib import Path

DATA_SUFFIXES = (".json", ".txt")


def pack_program(folder: Path) -> bytes:
    """Return the archive of a folder's modules, with common/, and of its data files; its subfolders are left out.

    The same files give the same bytes. Raise ValueError for a folder without train.py.
    """
    if not (folder / TRAINING_ENTRY).is_file():
        raise ValueError(f"{folder / TRAINING_ENTRY} does not exist, so {folder} is not a folder of a training script")
    data = {path.name: path for path in folder.iterdir() if path.is_file() and path.suffix in DATA_SUFFIXES}
    return make_tar_gz(data | find_modules(folder))
