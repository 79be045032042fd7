"""Making a model.tar.gz as the Hugging Face inference container wants it: the checkpoint, and code/ beside it."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

# Training code and seeds lie in the same folder; the container needs what inference.py imports.
LEFT_OUT = {"train.py"}


def pack_model(checkpoint: Path, code: Path) -> bytes:
    """The archive's bytes. The same files give the same bytes, so the digest names the content.

    `checkpoint` is a Hugging Face folder, `code` one whose *.py become code/.
    Raises FileNotFoundError if there is no config.json in the checkpoint or no inference.py in the code.
    """
    for needed in (checkpoint / "config.json", code / "inference.py"):
        if not needed.is_file():
            raise FileNotFoundError(f"{needed} is not there, so this is no model for the container")
    members = {path.name: path for path in checkpoint.iterdir() if path.is_file()}
    members |= {f"code/{path.name}": path for path in code.glob("*.py") if path.name not in LEFT_OUT}
    held = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=held, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name in sorted(members):
            _add(tar, name, members[name].read_bytes())
    return held.getvalue()


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(body), 0o644
    tar.addfile(info, io.BytesIO(body))
