"""Progress bars on a terminal: one with MB/s for a stream that is read, one with predictions per second."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.console import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import SupportsRead
    from rich.progress import Progress, ProgressColumn, TaskID

    from seqdrop_cli.prediction import Tally


@contextmanager
def show_progress(stream: SupportsRead[bytes], size: int | None, name: str) -> Iterator[SupportsRead[bytes]]:
    """Yield the stream; if standard error is a terminal, show a bar that advances as the stream is read.

    `size` is in bytes, None if it is unknown.
    """
    if not is_terminal(sys.stderr):
        yield stream
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(*columns(), console=Console(stderr=True), transient=True) as bar:
        yield MonitoredStream(stream, bar, bar.add_task(Path(name).name, total=size))


def columns() -> tuple[ProgressColumn, ...]:
    """Return the columns of the bar for a stream: name, bar, bytes, MB/s, remaining time."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    name = TextColumn("{task.description}")
    return (name, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())


class MonitoredStream:
    """A stream that advances a progress bar as it is read."""

    def __init__(self, stream: SupportsRead[bytes], bar: Progress, task: TaskID) -> None:
        self._stream, self._bar, self._task = stream, bar, task

    def read(self, size: int = -1, /) -> bytes:
        """Read up to `size` bytes (-1: all that are left), advance the bar by their number, and return them."""
        block = self._stream.read(size)
        self._bar.advance(self._task, len(block))
        return block


@contextmanager
def show_tally(items: int) -> Iterator[Callable[[Tally], None]]:
    """Yield a function that shows the progress of the prediction of `items` work items; on a terminal only."""
    if not is_terminal(sys.stderr):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]:,.0f} {task.fields[unit]}/s")
    shape = (TextColumn("predicting"), BarColumn(), rate, TimeRemainingColumn())
    with Progress(*shape, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=items, rate=0.0, unit="")
        yield lambda tally: bar.update(task, completed=tally.items, rate=tally.rate, unit=tally.kind.unit)
