"""Layers are unpacked once, and workers share what lies there, as Lambda mounts a layer rather than copies it.

ministack unpacks every layer anew for each worker: thousands of files and no compiled Python, at each cold start. Here
they lie in the checkout's build folder, by the digest of their zip, so that the next server finds them, too.
"""

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime

LAYER = "layer_"  # what ministack calls the folders it unpacks layers to
SHARED = Path(__file__).resolve().parents[2] / ".aws-sam/layers"
UNUSED_SECONDS = 86400  # after which an unpacked layer is removed


def apply() -> None:
    """Give ministack's Lambda workers a zip reader that unpacks a layer at its first use only."""
    SHARED.mkdir(parents=True, exist_ok=True)
    _remove_unused()

    class Shared(zipfile.ZipFile):
        def extractall(self, path=None, members=None, pwd=None) -> None:
            if not Path(path).name.startswith(LAYER):
                return super().extractall(path, members, pwd)
            place = SHARED / _digest(Path(self.filename))
            if not place.exists():
                draft = Path(tempfile.mkdtemp(dir=SHARED))
                super().extractall(draft)
                _rename(draft, place)
            os.utime(place)
            Path(path).rmdir()
            Path(path).symlink_to(place)
            return None

    # ministack names the last one wrongly, which shows only where a layer is broken.
    errors = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=Shared, **errors)


def _rename(draft: Path, place: Path) -> None:
    """A folder that is there is whole: it gets its name last. Another server may have been first."""
    try:
        draft.rename(place)
    except OSError:
        shutil.rmtree(draft)
        if not place.is_dir():
            raise


def _remove_unused() -> None:
    for place in SHARED.iterdir():
        with suppress(FileNotFoundError):  # another server renames what it has unpacked
            if time.time() - place.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(place, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
