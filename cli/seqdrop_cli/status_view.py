"""The uploads of `seqdrop status`: rows below their folders, a row for each folder if they are many, lines, or JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop_cli.console import format_size, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from seqdrop_cli.progress import Progress

FILES = 50  # on a page
FOLDERS = 30  # on a page
NAMED = 10  # uploads that failed and are named above the folders


def print_lines(uploads: Sequence[Progress]) -> None:
    """Print a line for each upload: id, state, key and the time when it landed, separated by tabs."""
    for upload in uploads:
        say(f"{upload.upload_id}\t{upload.state}\t{upload.key}\t{landed_at(upload)}")


def print_json(uploads: Sequence[Progress]) -> None:
    """Print a JSON object in a line for each upload."""
    for upload in uploads:
        say(json.dumps(as_json(upload), ensure_ascii=False))


def as_json(progress: Progress) -> dict[str, Any]:
    """Return the facts about an upload. Empty ones are left out."""
    upload = progress.upload
    facts: dict[str, Any] = {"upload": progress.upload_id, "key": progress.key, "state": progress.state}
    facts |= {"detail": progress.detail, "is_final": progress.is_final, "size": progress.size}
    if upload is None:
        return facts
    names = ("version_id", "analysis", "run", "format", "records", "sha256", "reason", "duplicate_of", "archive_key")
    facts |= {"landed_at": upload.created_at, "moved_at": upload.moved_at, "upload_state": upload.state}
    facts |= {name: getattr(upload, name) for name in names}
    facts["attempts"] = [
        {name: getattr(attempt, name) for name in ("analysis", "number", "state", "job", "reason")}
        for attempt in progress.attempts
    ]
    return {name: value for name, value in facts.items() if value not in ("", None, [])}


def landed_at(progress: Progress) -> str:
    """Return when an upload landed, to the second, in UTC; "" if its event was not processed yet."""
    return f"{progress.upload.created_at[:19]}Z" if progress.upload else ""


def folder_of(progress: Progress) -> str:
    """Return the folder by which an upload is grouped: its prefix, and the first folder below it."""
    prefix, *rest = progress.key.split("/")
    return "/".join([prefix, *rest[:1]]) + "/" if len(rest) > 1 else f"{prefix}/"


@dataclass(frozen=True)
class Page:
    """One page of a list, counted from 1."""

    number: int
    pages: int

    @property
    def note(self) -> str:
        """What to do to see the next page; "" on the last one."""
        return f"page {self.number} of {self.pages}; next: --page {self.number + 1}" if self.number < self.pages else ""


def cut(items: Sequence[Any], size: int, number: int) -> tuple[Sequence[Any], Page]:
    """Return the items of a page, the last page if there are fewer, and which page it is."""
    pages = max(1, -(-len(items) // size))
    number = min(number, pages)
    return items[(number - 1) * size : number * size], Page(number, pages)


def draw(uploads: Sequence[Progress], number: int, *, by_file: bool) -> RenderableType:
    """Return what a terminal shows: files below their folders, or folders if there are more than FILES files.

    `by_file` shows files in any case. `number` is the number of the page.
    """
    from rich.console import Group
    from rich.text import Text

    from seqdrop_cli.upload_overview import count_states

    final = sum(upload.is_final for upload in uploads)
    noun = "upload" if len(uploads) == 1 else "uploads"
    title = Text(f"Seqdrop · {final:,} of {len(uploads):,} {noun} finished", "italic")
    lines: list[RenderableType] = [title]
    if len(uploads) > 1:
        lines.append(count_states(uploads))
    draw_page = _draw_files if by_file or len(uploads) <= FILES else _draw_folders
    parts, page = draw_page(uploads, number)
    return Group(*lines, *parts, *([Text(page.note, "dim")] if page.note else []))


def _draw_files(uploads: Sequence[Progress], number: int) -> tuple[list[RenderableType], Page]:
    from seqdrop_cli.upload_table import UploadTable

    ordered = sorted(uploads, key=lambda upload: (folder_of(upload), upload.key, landed_at(upload)))
    rows, page = cut(ordered, FILES, number)
    has_folders = len(set(map(folder_of, rows))) > 1
    return [UploadTable(rows, with_ids=True, has_title=False, folder_of=folder_of if has_folders else None)], page


def _draw_folders(uploads: Sequence[Progress], number: int) -> tuple[list[RenderableType], Page]:
    from rich.box import ROUNDED
    from rich.table import Table
    from rich.text import Text

    from seqdrop_cli.upload_overview import BAD, count_states
    from seqdrop_cli.upload_table import Key, UploadTable

    folders: dict[str, list[Progress]] = {}
    for upload in uploads:
        folders.setdefault(folder_of(upload), []).append(upload)
    ordered = sorted(folders.items(), key=lambda item: max(map(landed_at, item[1])), reverse=True)
    rows, page = cut(ordered, FOLDERS, number)
    table = Table(box=ROUNDED)
    for title in ("folder", "files", "size", "last landed", "states"):
        table.add_column(title, justify="right" if title in ("files", "size") else "left", no_wrap=title != "states")
    for folder, files in rows:
        size, last = format_size(sum(file.size for file in files)), max(map(landed_at, files))[:16].replace("T", " ")
        table.add_row(Key(folder), f"{len(files):,}", size, last, count_states(files))
    bad = [upload for upload in uploads if upload.state in BAD and upload.state != "WITHDRAWN"]
    parts: list[RenderableType] = [table]
    if bad:
        parts += [Text("Need a look:", "bold"), UploadTable(bad[-NAMED:], with_ids=True, has_title=False)]
    if len(bad) > NAMED:
        parts.append(
            Text(f"{len(bad) - NAMED:,} more: --state {','.join(sorted(Counter(u.state for u in bad)))}", "dim")
        )
    parts.append(Text("the files of a folder: seqdrop status FOLDER", "dim"))
    return parts, page
