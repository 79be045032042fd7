"""Uploads that wait for files that belong to them, and runs that wait for their marker: one mail about each.

They wait without a time limit. The message of each upload is sent again, ever more rarely but at least once a day, so
that validate checks whether the file is still there, whether it still has to wait, and whether the others arrived while
an invocation crashed. This never ends, because it costs next to nothing, and nothing else would notice that a file was
deleted.

The time of the mail is the attribute `told_at` of the upload's record, or the fact `told_at` of the run's set.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from seqdrop.companions.runs import MANIFEST, MARKERS, marker_command
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.ledger.moves import UPLOAD
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.repeats import PATIENCE_HOURS
from seqdrop.stages.duplicates import find_archived
from seqdrop.stages.reconcile.backlog import LONGEST_PAUSE, shortest_wait
from seqdrop.stages.reconcile.nudge import minutes_since
from seqdrop.stages.routing import is_gated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.stages.assemble.policy import Awaited, Policy

MAX_DOUBLINGS = 10  # of the pause between two nudges; LONGEST_PAUSE is reached before


@dataclass
class GatedFiles:
    """The uploads that wait below one folder: how many there are, and the first of them."""

    first: Upload
    count: int = 0


def notify_of_runs(services: Services) -> int:
    """Notify the lab of each run that has waited for its marker for `gate_hours`; return the number of mails.

    If no prefix has markers, no upload is read: those of runs that the rules of instruments complete are many.
    """
    if not any(analysis.gate and not analysis.has_runs for analysis in services.analyses.by_name.values()):
        return 0
    runs: dict[str, GatedFiles] = {}
    read = cache(partial(services.ledger.file_set, RUNS))
    for upload in _find_gated(services, read):
        folder = services.analyses.gated_folders(upload.key)[-1]
        files = runs.setdefault(f"{upload.bucket}/{folder}", GatedFiles(upload))
        files.count += 1
        files.first = min(files.first, upload, key=lambda gated: gated.created_at)
    outcomes = try_each(
        runs.items(),
        lambda run: _notify_of_run(services, read(run[0]), run[1]),
        lambda run: {"upload_id": run[1].first.id},
    )
    return sum(outcomes.results)


def _find_gated(services: Services, read: Callable[[str], FileSet]) -> Iterator[Upload]:
    """Yield gated uploads whose folders have no complete run and no manifest that waits.

    A manifest that waits has a mail of its own (`monitor_waiting`).
    """
    waits = cache(partial(_is_waiting, services))
    for upload in services.ledger.in_state(UPLOAD, "VALIDATED"):
        runs = [read(f"{upload.bucket}/{folder}") for folder in services.analyses.gated_folders(upload.key)]
        if runs and not any(run.fact("opened_at") or waits(run.members.get("manifest", "")) for run in runs):
            yield upload


def _is_waiting(services: Services, upload_id: str) -> bool:
    """Return True if the upload with this id is WAITING; False for "" and for an upload without a record."""
    upload = services.ledger.find_upload(upload_id) if upload_id else None
    return upload is not None and upload.state == "WAITING"


def _notify_of_run(services: Services, run: FileSet, files: GatedFiles) -> bool:
    """Notify the lab of a run that is overdue. A crash may repeat the mail, but never leaves it out."""
    first = files.first
    analysis = services.analyses.for_key(first.key)
    if analysis is None or run.fact("told_at") or minutes_since(first.created_at) < 60 * analysis.gate_hours:
        return False
    if not is_gated(services.ledger, services.analyses, first, services.ledger.deciding_attempts(first)):
        return False  # the file advanced before its prefix had a gate
    _mail_run(services, run.name.removeprefix(f"{first.bucket}/"), files)
    return services.ledger.save(run.with_facts(told_at=now()))


def _mail_run(services: Services, folder: str, files: GatedFiles) -> None:
    first = files.first
    services.notify(
        f"Seqdrop: {folder} waits for the marker of its run",
        f"{files.count:,} files below {folder} are valid and wait until their run is complete. The first of them,\n"
        f"{first.key}, has waited since {first.created_at}. A run is complete when one of these files is\n"
        f"in {folder} or in the folder of the run below it: {', '.join(MARKERS)},\n"
        f"or the uploader's {MANIFEST}. The files advance by themselves when it arrives, however late.\n\n"
        "What to do:\n"
        "- If the run is complete, or broke off and you want its files as they are: drop an empty marker:\n"
        f"  {marker_command(first.bucket, folder)}\n"
        "- If you do not want the files: delete them.\n"
        "- If files under this prefix should not wait for a run: remove `gate` from it in analyses.toml and deploy;\n"
        "  the files then advance.\n",
    )


def monitor_waiting(services: Services) -> dict[str, int]:
    """Nudge each WAITING upload that is due, and notify the lab of each that is overdue.

    Return the number of nudges as "waiting", and the number of mails as "unmated". An error of one upload is logged and
    does not affect the others.
    """
    wait = shortest_wait(services, services.settings.validate_queue)
    uploads = services.ledger.in_state(UPLOAD, "WAITING")
    outcomes = try_each(uploads, partial(_monitor_upload, services, wait), lambda upload: upload.keys)
    counts = Counter(outcomes.results)
    return {"waiting": counts["waiting"], "unmated": counts["unmated"]}


def _monitor_upload(services: Services, wait: int, upload: Upload) -> str:
    """Nudge an upload, or notify the lab; return the name of the count to which that belongs, "" for neither."""
    # The policies know data sets and trainings, which takes 90 ms to import; most runs have nothing overdue.
    from seqdrop.stages.assemble.policies import policy_of

    policy = policy_of(services.analyses, upload)
    hours = _hours(services, upload, policy)
    is_overdue = hours and not upload.told_at and minutes_since(upload.waiting_since) >= 60 * hours
    if policy and is_overdue and not _ends_by_itself(services, upload):
        _mail_waiting(services, upload, policy.awaits(services.ledger, services.analyses, upload))
        return "unmated" if services.ledger.note(upload, told_at=now()) else ""
    if _is_due(upload, wait, hours) and services.ledger.note_nudge(upload):
        services.send(services.settings.validate_queue, make_landed_message(upload.version))
        return "waiting"
    return ""


def _ends_by_itself(services: Services, upload: Upload) -> bool:
    """Return True if an upload repeats an archived one, so that it does not wait for ever (assemble/repeats.py).

    The lab is notified only if it still waits two days after its time: then it was sent again on purpose.
    """
    is_early = minutes_since(upload.waiting_since) < 60 * (PATIENCE_HOURS + 48)
    return is_early and find_archived(services, upload) is not None


def _hours(services: Services, upload: Upload, policy: Policy[Any] | None) -> float | None:
    """Return after how many hours the lab is notified; None for an upload that does not have to wait any more."""
    analysis = services.analyses.for_key(upload.key)
    return policy.hours(analysis) if policy and analysis else None


def _is_due(upload: Upload, wait: int, hours: float | None) -> bool:
    """Return True if the next nudge is due; `wait` is the minutes before the first.

    An upload that does not have to wait any more, after a deployment that changed analyses.toml, is due as soon as it
    is stale.
    """
    doublings = min(upload.pushes, MAX_DOUBLINGS) if hours else 0
    return minutes_since(upload.moved_at) >= min(wait * 2.0**doublings, LONGEST_PAUSE)


def _mail_waiting(services: Services, upload: Upload, awaited: Awaited) -> None:
    services.notify(
        f"Seqdrop: {upload.key} waits for {awaited.what}",
        f"{upload.key} (upload {upload.id}) has waited since {upload.waiting_since} for\n{awaited.detail}.\n"
        "It advances by itself as soon as nothing is missing, however late that is.\n\n"
        "What to do:\n" + "".join(f"- {hint}\n" for hint in awaited.hints),
    )
