"""A progress bar with MB/s over a stream that is read."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    DownloadColumn(),
    TransferSpeedColumn(),
    TimeRemainingColumn(),
)


@contextmanager
def shown(stream: BinaryIO, size: int | None, name: str) -> Iterator[BinaryIO]:
    """The stream; on a terminal with a bar and MB/s."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield stream
        return
    with Progress(*COLUMNS, console=console, transient=True) as bar:
        yield Watched(stream, bar, bar.add_task(Path(name).name, total=size))


class Watched:
    """A stream that moves a progress bar."""

    def __init__(self, stream: BinaryIO, bar: Progress, task):
        self._stream, self._bar, self._task = stream, bar, task

    def read(self, size: int) -> bytes:
        block = self._stream.read(size)
        self._bar.advance(self._task, len(block))
        return block
