"""Layers are unpacked once, and workers share what lies there, as Lambda mounts a layer rather than copies it.

ministack unpacks every layer anew for each worker: thousands of files and no compiled Python, at each cold start.
"""

import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime

LAYER = "layer_"  # what ministack calls the folders it unpacks layers to


def apply() -> None:
    """Give ministack's Lambda workers a zip reader that unpacks a layer at its first use only."""
    shared, lock = Path(tempfile.gettempdir()) / "layers", threading.Lock()

    class Shared(zipfile.ZipFile):
        def extractall(self, path=None, members=None, pwd=None) -> None:
            if not os.path.basename(str(path)).startswith(LAYER):
                return super().extractall(path, members, pwd)
            with lock:
                place = shared / _digest(Path(self.filename))
                if not place.exists():
                    half = place.with_suffix(".part")
                    super().extractall(half)
                    half.rename(place)  # so that a folder that is there is whole
            os.rmdir(path)
            os.symlink(place, path)

    # ministack names the last one wrongly, which shows only where a layer is broken.
    errors = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=Shared, **errors)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
