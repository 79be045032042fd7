"""The files of a run folder, wherever it is: on an instrument's disk or in the landing bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import SeqdropError

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class RunFile:
    """A file of a run.

    `name` is its path below the run folder, with `/`; `size` is in bytes; `modified` is when it was last written (on
    disk) or when it arrived (in S3), with a time zone.
    """

    name: str
    size: int
    modified: datetime


ReadFile = Callable[[str], bytes]
"""Returns the content of a small file of the run, by its name. Raises FileNotFoundError if it is gone."""


class RunFileError(SeqdropError):
    """A file that describes a run, such as RunInfo.xml or a sample sheet, and that cannot be understood. Permanent.

    The file is kept as it is, and the run is handled without it. `name` is its path below the run folder; `line` counts
    from 1, or is None.
    """

    def __init__(self, name: str, message: str, line: int | None = None) -> None:
        place = f"{name}, line {line}" if line else name
        super().__init__(f"{place}: {message}")
        self.name = name
        self.line = line
