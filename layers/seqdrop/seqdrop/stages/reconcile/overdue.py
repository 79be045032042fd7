"""Runs whose marker has not come: the lab is told once of each. A run never stops waiting.

Uploads that wait for a mate, a BED or a FASTA, the rest of a training, or the files that they list: the lab is told
once, and each is looked at again, ever more seldom.

A look is the upload's own message, sent again: validate then sees whether the file is still there, whether its
analysis still says "wait", and whether the mate came while something broke off. It costs next to nothing, so it never
ends; nothing else would notice that a file was deleted.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

from seqdrop.companions import masks
from seqdrop.companions.mates import parse
from seqdrop.companions.runs import MANIFEST, MARKERS, put_marker
from seqdrop.config.analyses import WAIT, Analysis
from seqdrop.ledger.coordination import Run
from seqdrop.ledger.moves import UPLOAD
from seqdrop.ledger.records import Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.services import Services, now
from seqdrop.stages.reconcile.nudge import SELDOM, minutes_since
from seqdrop.stages.routing import is_held


@dataclass
class Held:
    """What waits below one folder: how many uploads, and the first of them."""

    first: Upload
    count: int = 0


def tell_of_runs(services: Services) -> int:
    """Tell the lab of each run that waits for too long. Answers of how many."""
    runs: dict[str, Held] = {}
    read = cache(services.ledger.run)
    for upload in _held(services, read):
        held = runs.setdefault(f"{upload.bucket}/{services.analyses.gated_folders(upload.key)[-1]}", Held(upload))
        held.count += 1
        held.first = min(held.first, upload, key=lambda one: one.created_at)
    return sum(_told(services, read(folder), held) for folder, held in runs.items())


def _held(services: Services, read: Callable[[str], Run]) -> Iterator[Upload]:
    """Uploads of which no folder's run is complete, nor has a manifest that waits, of which the lab is told."""
    waits = cache(partial(_waits_itself, services))
    for upload in services.ledger.in_state(UPLOAD, "VALIDATED"):
        found = [read(f"{upload.bucket}/{folder}") for folder in services.analyses.gated_folders(upload.key)]
        if found and not any(run.opened_at or waits(run.manifest) for run in found):
            yield upload


def _waits_itself(services: Services, manifest: str) -> bool:
    """Whether the upload of that id, "" for none, waits: one that was deleted says nothing any more."""
    upload = services.ledger.upload(manifest) if manifest else None
    return upload is not None and upload.state == "WAITING"


def _told(services: Services, run: Run, held: Held) -> bool:
    """Tell the lab of a run that is overdue: twice at the worst, never not at all."""
    analysis, first = services.analyses.for_key(held.first.key), held.first
    if run.told_at or minutes_since(first.created_at) < 60 * analysis.gate_hours:
        return False
    if not is_held(services.ledger, services.analyses, first, services.ledger.deciding(first)):
        return False  # it went on before there was a gate
    _tell_of_run(services, run.folder.removeprefix(f"{first.bucket}/"), held)
    return services.ledger.save(replace(run, told_at=now()))


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
        f"  {put_marker(first.bucket, folder)}\n"
        "- Are its files not wanted? Delete them.\n"
        "- Should files wait for no run here? Take `gate` from this prefix in analyses.toml and deploy; what waits\n"
        "  then goes on.\n",
    )


def attend(services: Services) -> dict[str, int]:
    """Look after all that stands in WAITING. Answers how many were looked at, and of how many the lab was told."""
    counts = {"waiting": 0, "unmated": 0}
    for upload in services.ledger.in_state(UPLOAD, "WAITING"):
        if _is_overdue(services, upload):
            _tell(services, upload)
            counts["unmated"] += services.ledger.note(upload, told_at=now())
        elif _is_due(services, upload) and services.ledger.push(upload):
            services.send(services.settings.validate_queue, landed_message(upload.version))
            counts["waiting"] += 1
    return counts


def _is_overdue(services: Services, upload: Upload) -> bool:
    hours = _hours(services, upload)
    return bool(hours and not upload.told_at) and minutes_since(upload.waiting_since) >= 60 * hours


def _is_due(services: Services, upload: Upload) -> bool:
    """One that need not wait any more, after a deploy that said so, is due as anything that stands still is."""
    doubled = min(upload.pushes, 10) if _hours(services, upload) else 0
    return minutes_since(upload.moved_at) >= min(services.settings.stale_minutes * 2**doubled, SELDOM)


def _hours(services: Services, upload: Upload) -> float | None:
    """After how many hours the lab is told; None of one that need not wait any more."""
    analysis = services.analyses.for_key(upload.key)
    if analysis is None:
        return None
    if services.analyses.is_marker(upload.key):
        return analysis.gate_hours if analysis.gate else None
    return analysis.mate_hours if _waits(analysis) else None


def _waits(analysis: Analysis) -> bool:
    return analysis.mates == WAIT or analysis.trains or analysis.fills


def _tell(services: Services, upload: Upload) -> None:
    analysis = services.analyses.for_key(upload.key)
    if services.analyses.is_marker(upload.key):
        return _tell_of_files(services, upload)
    if analysis.fills:
        return _tell_of_masks(services, upload)
    return _tell_of_training(services, upload) if analysis.trains else _tell_of_mate(services, upload)


def _tell_of_files(services: Services, upload: Upload) -> None:
    folder = upload.key.rpartition("/")[0] + "/"
    run = services.ledger.run(f"{upload.bucket}/{folder}")
    services.notify(
        f"Seqdrop: {upload.key} waits for its files",
        f"{upload.key} (upload {upload.id}) lists {upload.records:,} files. When they were last\n"
        f"looked at, {run.missing:,} were not there or had another size, such as {run.awaits}.\n"
        f"It waits since {upload.waiting_since}, and with it all that lies below {folder}. All goes on by\n"
        "itself when the last one is there, however late; nothing is lost.\n"
        "- Did an upload break off? Upload the files again.\n"
        "- Is the list wrong? Mend it, and drop it again under the same name.\n"
        "- Is the run complete as it is? Drop an empty marker beside it:\n"
        f"  {put_marker(upload.bucket, folder)}\n",
    )


def _tell_of_training(services: Services, upload: Upload) -> None:
    folder = upload.key.rpartition("/")[0]
    services.notify(
        f"Seqdrop: {upload.key} waits for the rest of its training",
        f"{upload.key} (upload {upload.id}) waits since {upload.waiting_since}: {folder}/ lacks its job.toml, or a\n"
        "file that job.toml names. It goes on by itself when all are there, however late; nothing is lost.\n"
        "- Was one of them rejected (there was a mail then)? Mend it, and drop it again under the same name.\n"
        "- Is this file not named in job.toml? Then delete it; it will not be asked for.\n",
    )


def _tell_of_masks(services: Services, upload: Upload) -> None:
    name = masks.parse(upload.key)
    partner, is_bed = posixpath.basename(name.partner), name.seat == masks.BED
    awaited = f"its FASTA (such as {partner})" if is_bed else f"its masks, {partner}"
    why = "" if is_bed else "It has no run of N, so there is nothing to fill until a BED says what.\n"
    services.notify(
        f"Seqdrop: {upload.key} waits for its {'FASTA' if is_bed else 'BED'}",
        f"{upload.key} (upload {upload.id}) is valid. It waits for {awaited}, since {upload.waiting_since}.\n{why}"
        "It goes on by itself when that is there, however late; nothing is lost.\n"
        f"- Was {partner} not uploaded, or to another folder? Drop it beside this file.\n"
        "- Was it rejected (there was a mail then)? Mend it, and drop it again under the same name.\n"
        "- Did it serve an earlier version of this file? A BED is used once; drop it again.\n"
        "- Is nothing to be filled? Then delete this file.\n",
    )


def _tell_of_mate(services: Services, upload: Upload) -> None:
    partner = posixpath.basename(parse(upload.key).partner)
    services.notify(
        f"Seqdrop: {upload.key} waits for its mate",
        f"{upload.key} (upload {upload.id}) is valid. It waits for its mate, {partner}, since {upload.waiting_since}.\n"
        "It goes on by itself when the mate is there, however late; nothing is lost.\n"
        f"- Was {partner} not uploaded, or to another folder? Drop it beside this file.\n"
        "- Was it rejected (there was a mail then)? Mend it, and drop it again under the same name.\n"
        '- Are these single-end reads? Set mates = "single" for this prefix in analyses.toml and deploy; what waits\n'
        "  then goes on. Or drop the file again under a name without a mate's number, and delete this one.\n",
    )
