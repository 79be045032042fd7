"""The channel with the pre-trained weights: a folder, or the archive of one, as the job was given it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch.distributed as dist
from common.checkpoints import ARCHIVE, checkpoint_folder, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def unpacked(channel: Path) -> Iterator[Path]:
    """The folder that holds config.json; what was unpacked for it is gone afterwards.

    An archive is unpacked once on each host, by its first process. ValueError where there is no checkpoint. Every
    process must call it.
    """
    if not (channel / ARCHIVE).is_file():
        yield checkpoint_folder(channel)
        return
    first = int(os.environ.get("LOCAL_RANK", "0")) == 0
    name = [tempfile.mkdtemp(prefix="seqdrop-weights-") if first else None]
    names: list = [None] * dist.get_world_size()
    dist.all_gather_object(names, name[0])
    folder = Path(next(name for name in reversed(names[: dist.get_rank() + 1]) if name))
    try:
        if first:
            unpack(channel / ARCHIVE, folder)
        dist.barrier()
        yield checkpoint_folder(folder)
    finally:
        dist.barrier()
        if first:
            shutil.rmtree(folder)
