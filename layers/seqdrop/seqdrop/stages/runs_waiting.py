"""Runs whose marker has not come: the lab is told once of each. A run never stops waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from seqdrop.companions.runs import MANIFEST, MARKERS, put_marker
from seqdrop.ledger.coordination import Run
from seqdrop.ledger.moves import UPLOAD
from seqdrop.ledger.records import Upload
from seqdrop.runtime.services import Services, now
from seqdrop.stages.gate import is_held
from seqdrop.stages.reconcile.nudge import minutes_since


@dataclass
class Held:
    """What waits below one folder: how many uploads, and the first of them."""

    first: Upload
    count: int = 0
    listed: bool = False  # in a manifest, which waits itself, and of which the lab is told


def tell_of_runs(services: Services) -> int:
    """Tell the lab of each run that waits for too long. Answers of how many."""
    runs: dict[str, Held] = {}
    read = cache(services.ledger.run)
    for upload, listed in _held(services, read):
        held = runs.setdefault(f"{upload.bucket}/{services.analyses.gated_folders(upload.key)[-1]}", Held(upload))
        held.count, held.listed = held.count + 1, held.listed or listed
        held.first = min(held.first, upload, key=lambda one: one.created_at)
    return sum(_told(services, read(folder), held) for folder, held in runs.items())


def _held(services: Services, read: Callable[[str], Run]) -> Iterator[tuple[Upload, bool]]:
    """Uploads of which no folder's run is complete, and whether a manifest lists what belongs to one."""
    for upload in services.ledger.in_state(UPLOAD, "VALIDATED"):
        found = [read(f"{upload.bucket}/{folder}") for folder in services.analyses.gated_folders(upload.key)]
        if found and not any(run.opened_at for run in found):
            yield upload, any(run.manifest for run in found)


def _told(services: Services, run: Run, held: Held) -> bool:
    """Tell the lab of a run that is overdue: twice at the worst, never not at all."""
    analysis, first = services.analyses.for_key(held.first.key), held.first
    if run.told_at or held.listed or minutes_since(first.created_at) < 60 * analysis.gate_hours:
        return False
    if not is_held(services.ledger, services.analyses, first, services.ledger.deciding(first)):
        return False  # it went on before there was a gate
    _tell(services, run.folder.removeprefix(f"{first.bucket}/"), held)
    return services.ledger.save(replace(run, told_at=now()))


def _tell(services: Services, folder: str, held: Held) -> None:
    first = held.first
    services.notify(
        f"Seqdrop: {folder} waits for the marker of its run",
        f"{held.count:,} files below {folder} are valid and wait for their run to be complete, the first of them\n"
        f"({first.key}) since {first.created_at}. What says so is one of these, in {folder} or in\n"
        f"the folder below it that is the run's: {', '.join(MARKERS)}\n"
        f"or the uploader's {MANIFEST}. The files go on by themselves when it is there, however late;\n"
        "nothing is lost.\n"
        "- Is the run complete, or did it break off and its files are wanted as they are? Drop an empty marker:\n"
        f"  {put_marker(first.bucket, folder)}\n"
        "- Are its files not wanted? Delete them.\n"
        "- Should files wait for no run here? Take `gate` from this prefix in analyses.toml and deploy; what waits\n"
        "  then goes on.\n",
    )
