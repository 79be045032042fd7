"""Run folders on a disk: how they are recognised, and in which order their files are sent."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from seqdrop.companions.runs import is_marker
from seqdrop.runs.names import is_sent_early, is_sent_last
from seqdrop.training.jobfile import JOB

from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path, PurePath

# Names, in lower case, that are at the top of a run folder and nowhere else. A trailing slash is a folder.
SIGNS = re.compile(
    r"runinfo\.xml|runparameters\.(xml|json)|runuploaded\.json|(.+_)?uploadcompleted\.json|final_summary.*\.txt"
    r"|interop/|fastq_pass/|pod5/|pod5_pass/"
)
CELL_SIGN = "*.transferdone"  # in the folder `metadata` of each SMRT cell of a PacBio run


class Order(IntEnum):
    """When a file of a run is sent: at once, with the others, or when all others are there."""

    EARLY = 0
    USUAL = 1
    LAST = 2


@lru_cache(maxsize=1 << 16)  # a plan asks several times for each file
def order_of(name: str) -> Order:
    """Return when a file is sent. `name` is its path below the run folder, with `/`."""
    if name.rpartition("/")[2] == JOB or is_marker(name) or is_sent_last(name):
        return Order.LAST
    return Order.EARLY if is_sent_early(name) else Order.USUAL


@cache
def runs_prefix() -> str:
    """Return the prefix for whole run folders: that of the analysis which keeps any file until its run is complete.

    Raise CommandError if analyses.toml has no such analysis.
    """
    from seqdrop.kinds.plans import packaged

    for analysis in packaged().by_name.values():
        if analysis.keeps_any and analysis.has_runs:
            return analysis.prefix
    raise CommandError(
        'analyses.toml has no analysis for run folders (formats = ["any"], gate = "run"); add one, or use --prefix'
    )


def is_run(folders: Iterable[str], files: Iterable[str]) -> bool:
    """Return True if a folder with these entries is a run folder."""
    names = [*(f"{name.lower()}/" for name in folders), *(name.lower() for name in files)]
    return any(SIGNS.fullmatch(name) for name in names)


def find_cell_parent(folder: Path) -> Path | None:
    """Return the run folder of a folder that is one SMRT cell, such as `1_A01`; None if it is none."""
    return folder.parent if any(folder.glob(f"metadata/{CELL_SIGN}")) else None


def has_cells(folder: Path) -> bool:
    """Return True if a folder has the folders of SMRT cells in it."""
    return any(folder.glob(f"*/metadata/{CELL_SIGN}"))


def find_run_above(path: Path) -> Path | None:
    """Return the outermost folder above a path that has an instrument's RunInfo or RunParameters; None without one."""
    signs = re.compile(r"runinfo\.xml|runparameters\.(xml|json)")
    above = [folder for folder in list(path.parents)[:8] if _lists(folder, signs)]
    return above[-1] if above else None


def _lists(folder: Path, signs: re.Pattern[str]) -> bool:
    try:
        return any(signs.fullmatch(child.name.lower()) for child in folder.iterdir())
    except OSError:
        return False


def folder_name(folder: PurePath) -> str:
    r"""Return the name of a folder for keys. Raise CommandError for a root, such as `D:\` or a share."""
    if not folder.name:
        raise CommandError(f"{folder} is a whole disk or share and has no name; name the folders in it")
    return folder.name


def key_below(place: str, folder: PurePath, path: PurePath) -> str:
    r"""Return the key of a file of a folder: `place` ends in a slash; the path below the folder follows, with `/`.

    Only separators become slashes: on Linux a name may contain a backslash.
    """
    return f"{place}{path.relative_to(folder).as_posix()}"
