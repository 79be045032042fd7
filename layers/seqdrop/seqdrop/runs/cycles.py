"""Element's cycle files, `BaseCalls/R1_C001.zip`, counted against the cycles of RunParameters.json."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from seqdrop.runs.listing import join
from seqdrop.runs.recognition import read_content

if TYPE_CHECKING:
    from seqdrop.runs.files import ReadFile
    from seqdrop.runs.listing import Listing

FOLDER = "BaseCalls"
FILE = re.compile(r"[ir][12]_c[0-9]{3}\.zip", re.ASCII)
READS = ("R1", "R2", "I1", "I2")
MOST_CYCLES = 999  # the names have three digits


def find_missing_cycles(folder: str, listing: Listing, read: ReadFile) -> list[str]:
    """Return the cycle files that RunParameters.json of a run in `folder` leads to and that are not there.

    A folder without any is not judged: a lab may keep the reads only, and Cytoprofiling has no cycles. Source: the
    pattern and the count of wtsi-npg/npg_tracking, Monitor/Elembio/RunFolder.pm; four real RunParameters.json.
    """
    if not any(FILE.fullmatch(name) for name in listing.names(join(folder, FOLDER))):
        return []
    expected = [
        join(folder, f"{FOLDER}/{name}_C{cycle:03}.zip")
        for name, count in _read_cycles(folder, listing, read).items()
        for cycle in range(1, min(count, MOST_CYCLES) + 1)
    ]
    return [path for path in expected if listing.get(path) is None]


def _read_cycles(folder: str, listing: Listing, read: ReadFile) -> dict[str, int]:
    """Return {read: cycles}; {} if the file has none or cannot be read, for which recognition has a warning."""
    file = listing.get(join(folder, "RunParameters.json"))
    try:
        document = json.loads((read_content(file.name, read) if file else None) or b"{}")
    except (ValueError, RecursionError):
        return {}
    cycles = document.get("Cycles") if isinstance(document, dict) else None
    counts = cycles if isinstance(cycles, dict) else {}
    return {name: counts[name] for name in READS if isinstance(counts.get(name), int)}
