"""Layers that are unpacked once and shared by the workers, as Lambda mounts a layer instead of copying it.

ministack unpacks every layer again for each worker: thousands of files, and no compiled Python, at each cold start.
Here the unpacked layers are in the checkout's build folder, named by the digest of their zip file, so that the next
server finds them too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ministack.core import lambda_runtime

if TYPE_CHECKING:
    from collections.abc import Iterable

LAYER = "layer_"  # prefix of the folders into which ministack unpacks layers
SHARED = Path(__file__).resolve().parents[2] / ".aws-sam/layers"
UNUSED_SECONDS = 86400  # an unpacked layer that is unused for longer is removed


def apply() -> None:
    """Give ministack's Lambda workers a zip reader that unpacks a layer only at its first use."""
    SHARED.mkdir(parents=True, exist_ok=True)
    _remove_unused()

    class Shared(zipfile.ZipFile):
        def extractall(
            self, path: Path | str | None = None, members: Iterable[str] | None = None, pwd: bytes | None = None
        ) -> None:
            if not Path(path).name.startswith(LAYER):
                super().extractall(path, members, pwd)
                return
            folder = SHARED / _digest(Path(self.filename))
            if not folder.exists():
                draft = Path(tempfile.mkdtemp(dir=SHARED))
                super().extractall(draft)
                _rename(draft, folder)
            os.utime(folder)
            Path(path).rmdir()
            Path(path).symlink_to(folder)

    # ministack refers to zipfile.LargeFileError, which does not exist; a broken layer would cause an AttributeError.
    errors = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=Shared, **errors)


def _rename(draft: Path, folder: Path) -> None:
    """Give an unpacked layer its final name, unless another server did so first.

    The name is given last, so a folder with a final name is complete.
    """
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not folder.is_dir():
            raise


def _remove_unused() -> None:
    for folder in SHARED.iterdir():
        with suppress(FileNotFoundError):  # another server renames the folders that it has unpacked
            if time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
