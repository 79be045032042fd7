"""A file of a run landed: its run has a record, and is judged again if the file may change the verdict.

Only files that may change the verdict, or that describe the run, cause a message. The others are counted when the run
is judged. A crash between the move of a file and the message about its run loses nothing: the message of the file is
then delivered again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.ledger.run_record import Run, run_id
from seqdrop.runs.names import gate_folders, is_notable
from seqdrop.runtime.messages import make_run_message

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def join_run(services: Services, upload: Upload) -> None:
    """Create the record of an upload's run unless it exists. Do nothing for an upload that belongs to no run.

    If an earlier version opened a folder of the file, that folder is complete from the start: the marker that opened it
    has left the landing bucket.
    """
    folder = services.analyses.run_folder(upload.key)
    if not folder or services.ledger.find_run(run_id(upload.bucket, folder)):
        return
    run = Run.of_folder(upload.bucket, folder, upload.analysis)
    opened = [name for name in gate_folders(upload.key.removeprefix(folder)) if _was_opened(services, run, name)]
    if services.ledger.create(replace(run, complete=opened)):
        services.send(services.settings.validate_queue, make_run_message(run.id))


def _was_opened(services: Services, run: Run, name: str) -> bool:
    place = run.folder + (f"{name}/" if name else "")
    return bool(services.ledger.file_set(RUNS, f"{run.bucket}/{place}").fact("opened_at"))


def announce(services: Services, upload: Upload) -> None:
    """Send the run of an upload to be judged, if the upload may change the verdict or describes the run.

    That is also a file that begins a new part of a complete run: the first one makes the run COPYING again.
    """
    folder = services.analyses.run_folder(upload.key)
    if not folder:
        return
    run = run_id(upload.bucket, folder)
    if is_notable(upload.key.removeprefix(folder)) or _is_added(services, upload, run):
        services.send(services.settings.validate_queue, make_run_message(run))


def _is_added(services: Services, upload: Upload, run_id: str) -> bool:
    """Return True if the run of an upload is complete, and nothing of it releases the upload.

    A run becomes ARCHIVED by a listing that was made when it was COMPLETE. So a file that the listing lacks is noticed
    here.
    """
    run = services.ledger.find_run(run_id)
    return run is not None and run.state in ("COMPLETE", "ARCHIVED") and not run.releases(upload.key)
