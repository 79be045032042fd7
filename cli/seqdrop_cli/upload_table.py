"""Tables of uploads on a terminal. Keys are shortened in the middle; ids are never cut.

rich narrows columns that may wrap before others. So the columns that may shrink are declared as wrapping, although
their cells do not wrap.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from rich.box import ROUNDED
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from seqdrop_cli.console import format_size, shorten
from seqdrop_cli.progress import BAD, BUSY, DONE, SKIPPED, WAITING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from seqdrop_cli.progress import Progress

MARKS = {WAITING: "·", BUSY: "…", DONE: "✔", SKIPPED: "–", BAD: "✘"}
COLOURS = {
    "ARCHIVED": "green",
    "DUPLICATE": "green",
    "PREDICTED": "green",
    "TRAINED": "green",
    "REJECTED": "red",
    "FAILED": "bold red",
    "WITHDRAWN": "yellow",
    "FORGETTING": "yellow",
    "FORGOTTEN": "yellow",
    "WAITING": "yellow",
    "SUBMITTED": "cyan",
    "EXAMINING": "cyan",
    "UNEXAMINED": "bold red",
}
NARROWEST_KEY = 16  # characters: the least width of a key
WIDE = 100  # characters: the least width of a terminal on which each step has its own column
STEPS = ("validate", "predict", "archive")
ID_WIDTH = 26  # characters of an upload id


@dataclass(frozen=True)
class Key:
    """A cell: a landing key, shortened in its middle to the width of the column, and below it the upload id, if any.

    `landed` follows the id where it fits. With `is_version`, because the key has several, it is shown in any case.
    """

    key: str
    upload_id: str = ""
    landed: str = ""
    is_version: bool = False

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        least = max(min(NARROWEST_KEY, len(self.key)), len(self.upload_id))
        widest = max(least, len(self.key), len(self.upload_id) + len(self.landed) + 1 if self.landed else 0)
        return Measurement(least, widest).clamp(max_width=options.max_width)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(shorten(self.key, options.max_width), no_wrap=True)
        if not self.upload_id:
            return
        fits = self.landed and len(self.upload_id) + 1 + len(self.landed) <= options.max_width
        lines = [f"{self.upload_id} {self.landed}"] if fits else [self.upload_id]
        if self.is_version and not fits:
            lines.append(self.landed)
        for line in lines:
            yield Text(line, "dim", no_wrap=True, overflow="ellipsis")


@dataclass(frozen=True)
class UploadTable:
    """A table of uploads that fits the terminal; on a narrow terminal, the three steps share a column.

    `seconds` is the time since watching began, None for a table that is printed once. With `folder_of`, uploads of the
    same folder are below its name, and must follow each other.
    """

    uploads: Sequence[Progress]
    seconds: float | None = None
    with_ids: bool = False
    has_title: bool = True
    folder_of: Callable[[Progress], str] | None = None

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield self._wide_table() if options.max_width >= WIDE else self._narrow_table()

    def _wide_table(self) -> Table:
        table = self._table(*STEPS)
        for upload in self._rows(table):
            self._add_row(table, upload, *(_mark(step) for step in upload.steps))
        return table

    def _narrow_table(self) -> Table:
        table = self._table("steps")
        for upload in self._rows(table):
            marks = Text(" ").join(_mark(step) for step in upload.steps)
            self._add_row(table, upload, marks)
        return table

    def _table(self, *steps: str) -> Table:
        table = Table(title=self._title() if self.has_title else None, title_justify="left", box=ROUNDED)
        table.add_column("file", min_width=ID_WIDTH if self.with_ids else None)
        table.add_column("size", justify="right", no_wrap=True)
        for step in steps:
            table.add_column(step, justify="center", no_wrap=True, min_width=len(step))
        table.add_column("state", no_wrap=True)
        table.add_column("")
        return table

    def _rows(self, table: Table) -> Iterator[Progress]:
        """Yield the uploads, each after the name of its folder if that is another one than before."""
        last = ""
        for upload in self.uploads:
            folder = self.folder_of(upload) if self.folder_of else ""
            if folder != last:
                table.add_section()
                table.add_row(Text(folder, "bold", no_wrap=True, overflow="ellipsis"))
            last = folder
            yield replace(upload, key=upload.key.removeprefix(folder))

    @cached_property
    def _versions(self) -> Counter[str]:
        return Counter(upload.upload.key for upload in self.uploads if upload.upload)

    def _add_row(self, table: Table, upload: Progress, *marks: RenderableType) -> None:
        state = Text(upload.state, COLOURS.get(upload.state, "default"))
        is_version = upload.upload is not None and self._versions[upload.upload.key] > 1
        digits = 19 if is_version else 16
        landed = upload.upload.created_at[:digits].replace("T", " ") if upload.upload else ""
        key = Key(upload.key, upload.upload_id, landed, is_version) if self.with_ids else Key(upload.key)
        table.add_row(
            key, format_size(upload.size), *marks, state, Text(upload.detail, "dim", no_wrap=True, overflow="ellipsis")
        )

    def _title(self) -> str:
        final = sum(upload.is_final for upload in self.uploads)
        count = "1 upload" if len(self.uploads) == 1 else f"{len(self.uploads)} uploads"
        time = "" if self.seconds is None else f" · {self.seconds:.0f} s"
        return f"Seqdrop · {final} of {count} finished{time}"


def _mark(step: str) -> Text:
    return Text(MARKS[step], {DONE: "green", BAD: "red", BUSY: "cyan"}.get(step, "dim"))
