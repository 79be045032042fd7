"""Uploads that wait for files that belong to them, and runs that wait for their marker: one mail about each.

Neither ever stops waiting. Each upload is looked at again, ever more rarely, by sending its own message again. So
validation finds whether the file is still there, whether it still has to wait, and whether the others arrived while an
invocation crashed. It costs next to nothing, so it never ends; nothing else would notice that a file was deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from seqdrop.companions.runs import MANIFEST, MARKERS, marker_command
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.policies import policy_of
from seqdrop.stages.reconcile.nudge import SELDOM, minutes_since
from seqdrop.stages.routing import is_gated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.stages.assemble.policy import Awaited, Policy


@dataclass
class Held:
    """What waits below one folder: how many uploads, and the first of them."""

    first: Upload
    count: int = 0


def tell_of_runs(services: Services) -> int:
    """Notify the lab of each run that waits for too long. Return of how many."""
    runs: dict[str, Held] = {}
    read = cache(partial(services.ledger.file_set, RUNS))
    for upload in _held(services, read):
        held = runs.setdefault(f"{upload.bucket}/{services.analyses.gated_folders(upload.key)[-1]}", Held(upload))
        held.count += 1
        held.first = min(held.first, upload, key=lambda one: one.created_at)
    return sum(_told(services, read(folder), held) for folder, held in runs.items())


def _held(services: Services, read: Callable[[str], FileSet]) -> Iterator[Upload]:
    """Uploads none of whose folders is a complete run, or has a manifest that waits: that is reported by itself."""
    waits = cache(partial(_waits_itself, services))
    for upload in services.ledger.in_state(UPLOAD, "VALIDATED"):
        found = [read(f"{upload.bucket}/{folder}") for folder in services.analyses.gated_folders(upload.key)]
        if found and not any(run.fact("opened_at") or waits(run.members.get("manifest", "")) for run in found):
            yield upload


def _waits_itself(services: Services, manifest: str) -> bool:
    """Whether the upload of that id, "" for none, waits: one that was deleted says nothing any more."""
    upload = services.ledger.find_upload(manifest) if manifest else None
    return upload is not None and upload.state == "WAITING"


def _told(services: Services, run: FileSet, held: Held) -> bool:
    """Notify the lab of a run that is overdue: a crash repeats the mail, and never leaves it out."""
    analysis, first = services.analyses.for_key(held.first.key), held.first
    if run.fact("told_at") or minutes_since(first.created_at) < 60 * analysis.gate_hours:
        return False
    if not is_gated(services.ledger, services.analyses, first, services.ledger.deciding_attempts(first)):
        return False  # it went on before there was a gate
    _tell_of_run(services, run.name.removeprefix(f"{first.bucket}/"), held)
    return services.ledger.save(run.with_facts(told_at=now()))


def _tell_of_run(services: Services, folder: str, held: Held) -> None:
    first = held.first
    services.notify(
        f"Seqdrop: {folder} waits for the marker of its run",
        f"{held.count:,} files below {folder} are valid and wait for their run to be complete, the first of them\n"
        f"({first.key}) since {first.created_at}. What says so is one of these, in {folder} or in\n"
        f"the folder below it that is the run's: {', '.join(MARKERS)}\n"
        f"or the uploader's {MANIFEST}. The files go on by themselves when it is there, however late;\n"
        "nothing is lost.\n"
        "- Is the run complete, or did it break off and its files are wanted as they are? Drop an empty marker:\n"
        f"  {marker_command(first.bucket, folder)}\n"
        "- Are its files not wanted? Delete them.\n"
        "- Should files wait for no run here? Take `gate` from this prefix in analyses.toml and deploy; what waits\n"
        "  then goes on.\n",
    )


def attend(services: Services) -> dict[str, int]:
    """Look at all that is WAITING. Return how many were looked at, and about how many the lab was notified."""
    counts = {"waiting": 0, "unmated": 0}
    for upload in services.ledger.in_state(UPLOAD, "WAITING"):
        policy = policy_of(services.analyses, upload)
        hours = _hours(services, upload, policy)
        if hours and not upload.told_at and minutes_since(upload.waiting_since) >= 60 * hours:
            _notify(services, upload, policy.awaits(services.ledger, services.analyses, upload))
            counts["unmated"] += services.ledger.note(upload, told_at=now())
        elif _is_due(services, upload, hours) and services.ledger.note_nudge(upload):
            services.send(services.settings.validate_queue, make_landed_message(upload.version))
            counts["waiting"] += 1
    return counts


def _hours(services: Services, upload: Upload, policy: Policy | None) -> float | None:
    """After how many hours the lab is notified; None of one that need not wait any more."""
    analysis = services.analyses.for_key(upload.key)
    return policy.hours(analysis) if policy and analysis else None


def _is_due(services: Services, upload: Upload, hours: float | None) -> bool:
    """One that need not wait any more, after a deploy that said so, is due as any record is that does not move."""
    doubled = min(upload.pushes, 10) if hours else 0
    return minutes_since(upload.moved_at) >= min(services.settings.stale_minutes * 2**doubled, SELDOM)


def _notify(services: Services, upload: Upload, awaited: Awaited) -> None:
    services.notify(
        f"Seqdrop: {upload.key} waits for {awaited.what}",
        f"{upload.key} (upload {upload.id}) has waited since {upload.waiting_since}\nfor {awaited.detail}.\n"
        "It goes on by itself when that is there, however late; nothing is lost.\n"
        + "".join(f"- {hint}\n" for hint in awaited.hints),
    )
