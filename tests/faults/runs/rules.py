"""When a run folder is complete, from the objects in the landing bucket and the time.

The rules of instruments are written here again, without the table: this is what the lab expects of the four kinds of
folders that are dropped.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.faults.runs import folders as f

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.support.aws.buckets import Bucket, Version

GRACE, QUIET = timedelta(minutes=10), timedelta(hours=6)
ANALYSIS = re.compile(r"Analysis/[0-9]+(?=/)")
CELL = re.compile(r"S1/20260106_0907_2B_[^/]+(?=/)")


def unit_of(name: str) -> str:
    """Return the on-board analysis or the flow cell that a file is in; "" for another file of the run."""
    match = ANALYSIS.match(name) or CELL.match(name)
    return match[0] if match else ""


def releasing(name: str) -> list[str]:
    """Return the folders that release a file: it advances when any of them is complete.

    They are its own folder and those above it, but not those above the analysis that it is in. A file of a flow cell
    does not wait for the run, but for its flow cell.
    """
    parents = name.split("/")[:-1]
    folders = ["/".join(parents[:count]) for count in range(len(parents), -1, -1)]
    unit = unit_of(name)
    if ANALYSIS.match(name):
        return [folder for folder in folders if len(folder) >= len(unit)]
    return folders[:-1] if unit else folders


def present(landing: Bucket, root: str) -> dict[str, Version]:
    """Return the current version of each file of a run folder."""
    current = ((key, landing.current(key)) for key in landing.keys if key.startswith(root))
    return {key.removeprefix(root): version for key, version in current if version}


def find_complete(area: str, there: dict[str, Version], now: datetime, before: set[str]) -> set[str]:
    """Return the folders that are complete; "" is the run itself. Those in `before` were complete earlier."""
    overridden = {name.removesuffix(f.OVERRIDE).rstrip("/") for name in there if name.rsplit("/", 1)[-1] == f.OVERRIDE}
    return overridden | set(RULES[area](there, now, before))


def _illumina(there: dict[str, Version], now: datetime, before: set[str]) -> Iterator[str]:
    if not is_failed(there) and (_is_listed(there, before) or _has_ended(there, now)):
        yield ""
    for unit in {unit_of(name) for name in there} - {""}:
        markers = _newest(there, unit, "CopyComplete.txt", "Data/Secondary_Analysis_Complete.txt", "Manifest.tsv")
        if markers and markers + GRACE <= now and _has_all_of_list(there, unit):
            yield unit


def is_failed(there: dict[str, Version]) -> bool:
    status = there.get("RunCompletionStatus.xml")
    return status is not None and f.FAILED.encode() in status.body


def _has_ended(there: dict[str, Version], now: datetime) -> bool:
    """Return True if both markers are there and the grace time is over, or one, and no file came for six hours."""
    both = _newest(there, "", "RTAComplete.txt", "CopyComplete.txt")
    if both and both + GRACE <= now:
        return True
    newest = max((version.modified for name, version in there.items() if not unit_of(name)), default=now)
    return "RTAComplete.txt" in there and newest + QUIET <= now


def _newest(there: dict[str, Version], folder: str, *names: str) -> datetime | None:
    """Return when the last of these files was written; None if one is missing."""
    paths = [f"{folder}/{name}" if folder else name for name in names]
    return max(there[path].modified for path in paths) if all(path in there for path in paths) else None


def _has_all_of_list(there: dict[str, Version], unit: str) -> bool:
    lines = there[f"{unit}/Manifest.tsv"].body.decode().splitlines()
    return all(f"{unit}/{line.partition(chr(9))[0]}" in there for line in lines)


def _is_listed(there: dict[str, Version], before: set[str]) -> bool:
    """Return True if all files of the manifest are there, apart from those that have advanced with another folder."""
    if f.MANIFEST not in there:
        return False
    entries = json.loads(there[f.MANIFEST].body)["files"]
    entries = [it for it in entries if it["name"] in there or before.isdisjoint(releasing(it["name"]))]
    return bool(entries) and all(
        entry["name"] in there and len(there[entry["name"]].body) == entry["size"] for entry in entries
    )


def _ont(there: dict[str, Version], now: datetime, _: set[str]) -> Iterator[str]:
    """Yield the flow cells with their summary and all files that it counts, and the run if all of them are."""
    cells = {unit_of(name) for name in there} - {""}
    ready = {cell for cell in cells if f.OVERRIDE in there or f"{cell}/{f.OVERRIDE}" in there}
    ready |= {cell for cell in cells if _is_cell_complete(there, cell, now)}
    yield from ready
    if cells and cells == ready:
        yield ""


def _is_cell_complete(there: dict[str, Version], cell: str, now: datetime) -> bool:
    names = [name for name in there if name.startswith(f"{cell}/")]
    summaries = [there[name].modified for name in names if "/final_summary_" in name]
    counted = all(any(name.endswith(suffix) for name in names) for suffix in (".fastq", ".pod5"))
    return bool(summaries) and max(summaries) + GRACE <= now and counted


def _unknown(there: dict[str, Version], _: datetime, before: set[str]) -> Iterator[str]:
    """Yield the folders with a marker of earlier versions, and the run if a manifest lists only what is there."""
    yield from (name.rpartition("/")[0] for name in there if name.rsplit("/", 1)[-1] == "CopyComplete.txt")
    if _is_listed(there, before):
        yield ""


RULES: dict[str, Callable[[dict[str, Version], datetime, set[str]], Iterator[str]]] = {
    f.ILLUMINA: _illumina,
    f.SCORED: _illumina,
    f.ONT: _ont,
    f.UNKNOWN: _unknown,
}
