"""Many uploads on a terminal: their number by state, what failed first, and their common folder once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from os.path import commonprefix
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from seqdrop_cli.progress import FINAL_STATES, Progress
from seqdrop_cli.upload_table import COLOURS, UploadTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

FEW = 12  # uploads that have a row each
FRAME = 9  # lines around the rows
BAD = ("FAILED", "UNEXAMINED", "REJECTED", "WITHDRAWN")
QUIET = ("LANDED", "WAITING")


def show_uploads(uploads: Sequence[Progress], seconds: float, height: int) -> RenderableType:
    """Return what to draw: a table of few uploads, else an overview that fits `height` lines."""
    if len(uploads) <= FEW:
        return UploadTable(uploads, seconds)
    folder = find_folder(uploads)
    rows = select_rows(uploads, max(height - FRAME, 3))
    named = [replace(upload, key=upload.key.removeprefix(folder)) for upload in rows]
    final = sum(upload.is_final for upload in uploads)
    title = Text(f"Seqdrop · {final:,} of {len(uploads):,} uploads finished · {seconds:.0f} s", "italic")
    hidden = len(uploads) - len(rows)
    lines: list[RenderableType] = [title, count_states(uploads), Text(f"in {folder}" if folder else "", "dim")]
    if named:
        lines.append(UploadTable(named, has_title=False))
    return Group(*lines, Text(f"{hidden:,} more" if hidden else "", "dim"))


def find_folder(uploads: Sequence[Progress]) -> str:
    """Return the folder, ending in a slash, in which all keys are; "" if there is none."""
    folder, slash, _ = commonprefix([upload.key for upload in uploads]).rpartition("/")  # noqa: RUF071 # cut at a slash
    return folder + slash


def count_states(uploads: Sequence[Progress]) -> Text:
    """Return the number of uploads in each state, what failed first."""
    counts = Counter(upload.state for upload in uploads)
    order = sorted(counts, key=lambda state: (state not in BAD, state in FINAL_STATES, state))
    return Text(" · ").join(Text(f"{state} {counts[state]:,}", COLOURS.get(state, "default")) for state in order)


def select_rows(uploads: Sequence[Progress], most: int) -> list[Progress]:
    """Return the uploads to name: those that failed, then those that are under way, then those that wait."""
    shown = [upload for upload in uploads if upload.state in BAD or not upload.is_final]
    return sorted(shown, key=lambda upload: (upload.state not in BAD, upload.state in QUIET))[:most]
