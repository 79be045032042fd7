"""The channel with the pre-trained weights: a folder or its archive."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch.distributed as dist
from common.checkpoints import ARCHIVE, check_digest, find_checkpoint, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def open_weights(channel: Path) -> Iterator[Path]:
    """Yield the folder that contains config.json. Unpacked files are removed when the context ends.

    The first process of each host unpacks the archive. Raise ValueError if there is no checkpoint, or if
    the archive does not have the SHA-256 of the job. Every process must
    call it.
    """
    if not (channel / ARCHIVE).is_file():
        yield find_checkpoint(channel)
        return
    is_first = int(os.environ.get("LOCAL_RANK", "0")) == 0
    own_name = tempfile.mkdtemp(prefix="seqdrop-weights-") if is_first else None
    names: list[str | None] = [None] * dist.get_world_size()
    dist.all_gather_object(names, own_name)
    folder = Path(next(name for name in reversed(names[: dist.get_rank() + 1]) if name))
    try:
        if is_first:
            check_digest(channel / ARCHIVE)
            unpack(channel / ARCHIVE, folder)
        dist.barrier()
        yield find_checkpoint(folder)
    finally:
        dist.barrier()
        if is_first:
            shutil.rmtree(folder)
