"""The archive that a training job runs: a folder of model_code/ as sourcedir.tar.gz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.models.code_bundles import TRAINING_ENTRY
from seqdrop.models.packing import make_tar_gz

from seqdrop_cli.deploy.model_code import find_modules

if TYPE_CHECKING:
    from pathlib import Path

DATA_SUFFIXES = (".json", ".txt")


def pack_program(folder: Path) -> bytes:
    """Return an archive of the modules and data files of a folder, with common/; subfolders are left out.

    The same files give the same bytes. Raise ValueError if the folder has no train.py.
    """
    if not (folder / TRAINING_ENTRY).is_file():
        raise ValueError(f"{folder / TRAINING_ENTRY} does not exist, so {folder} has no training script; check --code")
    data = {path.name: path for path in folder.iterdir() if path.is_file() and path.suffix in DATA_SUFFIXES}
    return make_tar_gz(data | find_modules(folder))
