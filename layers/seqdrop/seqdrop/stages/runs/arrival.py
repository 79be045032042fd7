"""A file of a run landed: its run has a record, and is judged again if the file may change the verdict.

Only files that may change the verdict, or that describe the run, cause a message. The others are counted when the run
is judged. A crash between the move of a file and the message about its run loses nothing: the message of the file is
then delivered again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.errors import RetryableError
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.ledger.run_record import Run, run_id
from seqdrop.runs.names import gate_folders, is_notable, is_sidecar
from seqdrop.runtime.messages import make_run_message
from seqdrop.runtime.services import iso, now

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


SOON = 60  # seconds


def join_run(services: Services, upload: Upload) -> Run | None:
    """Create the record of an upload's run unless it exists, and return it; None for an upload that is in no run.

    If an earlier version opened a folder of the file, that folder is complete from the start: the marker that opened it
    has left the landing bucket. Raise RetryableError if other invocations wrote the record at the same moment.
    """
    folder = services.analyses.run_folder(upload.key)
    if not folder:
        return None
    if run := services.ledger.find_run(run_id(upload.bucket, folder)):
        _adopt_opened(services, run, upload)
        return run
    run = Run.of_folder(upload.bucket, folder, upload.analysis)
    if services.ledger.create(replace(run, complete=_find_opened(services, run, upload))):
        services.send(services.settings.validate_queue, make_run_message(run.id))
    return run


def _adopt_opened(services: Services, run: Run, upload: Upload) -> None:
    """Note a folder that an earlier version opened, in a run whose record was created by a file of another folder.

    Only files of unknown instruments, and the first of others, cost these reads.
    """
    if run.instrument or run.releases(upload.key):
        return
    opened = _find_opened(services, run, upload)
    if opened and not services.ledger.note(run, complete=[*run.complete, *opened]):
        raise RetryableError(f"another invocation wrote the record of run {run.id}")


def _find_opened(services: Services, run: Run, upload: Upload) -> list[str]:
    return [name for name in gate_folders(upload.key.removeprefix(run.folder)) if _was_opened(services, run, name)]


def _was_opened(services: Services, run: Run, name: str) -> bool:
    place = run.folder + (f"{name}/" if name else "")
    return bool(services.ledger.file_set(RUNS, f"{run.bucket}/{place}").fact("opened_at"))


def announce(services: Services, upload: Upload, run: Run | None) -> None:
    """Send the run of an upload to be judged, if the upload may change the verdict or describes the run.

    That is also a file that begins a new part of a complete run: the first one makes the run COPYING again. `run` is
    the record as `join_run` returned it: a judgement that began after that has seen the file.

    Each judgement reads the records of all files of the run, and a run may have a checksum list beside each file. So a
    judgement SOON is enough for all lists that arrive until then.
    """
    if run is None:
        return
    name = upload.key.removeprefix(run.folder)
    if is_sidecar(name):
        if _note_look(services, run.id):
            services.send(services.settings.validate_queue, make_run_message(run.id), SOON)
    elif is_notable(name) or _is_added(upload, run):
        services.send(services.settings.validate_queue, make_run_message(run.id))


def _note_look(services: Services, identity: str) -> bool:
    """Note that a run is judged SOON; return False if it is judged by then anyway.

    If another invocation writes the record at the same moment, there is a message too many, which is harmless.
    """
    run = services.ledger.find_run(identity)
    soon = iso(clock.utc_now() + timedelta(seconds=SOON))
    if run and now() < run.due_at <= soon:
        return False
    if run:
        services.ledger.note(run, due_at=soon)
    return True


def _is_added(upload: Upload, run: Run) -> bool:
    """Return True if the run of an upload is complete, and nothing of it releases the upload.

    A run becomes ARCHIVED by a listing that was made when it was COMPLETE. So a file that the listing lacks is noticed
    here.
    """
    return run.state in ("COMPLETE", "ARCHIVED") and not run.releases(upload.key)
