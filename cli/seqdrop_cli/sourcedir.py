"""Making what a training job runs: a folder of model_code/ as sourcedir.tar.gz."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from seqdrop.models.code_bundles import TRAINING_ENTRY

MODEL_CODE = Path(__file__).resolve().parents[2] / "model_code"  # of the checkout that this command runs from
SUFFIXES = (".py", ".json", ".txt")


def pack_program(folder: Path) -> bytes:
    """The files of a folder, not those of the folders in it (seeds). The same files give the same bytes.

    Raises ValueError for a folder without train.py.
    """
    if not (folder / TRAINING_ENTRY).is_file():
        raise ValueError(f"{folder / TRAINING_ENTRY} is not there: this is no folder of a training script")
    held = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=held, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix in SUFFIXES:
                body = path.read_bytes()
                info = tarfile.TarInfo(path.name)
                info.size, info.mode = len(body), 0o644
                archive.addfile(info, io.BytesIO(body))
    return held.getvalue()
