"""Write the entry of an upload in the index of file names, where the upload ends.

It is written before the ledger, so that a crash repeats it and never leaves it out. An entry that is written again is
the same, or a later one: a REJECTED upload stays so, and an ARCHIVED one may become FORGOTTEN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.config.analysis import READ_FORMATS
from seqdrop.results.file_index import Ending, entry_key, make_entry

if TYPE_CHECKING:
    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services


def index_archived(services: Services, upload: Upload, copy: VerifiedCopy, state: str = "ARCHIVED") -> None:
    """Write the entry of an upload whose copy was verified, or (`state`) that is FORGOTTEN."""
    archive = {name: str(copy.get(name, "")) for name in ("bucket", "key", "storage_class")}
    ending = Ending(state, results=_list_results(services, upload, upload.id), archive=archive)  # type: ignore[arg-type]
    _write(services, upload, ending)


def index_repeated(services: Services, upload: Upload) -> None:
    """Write the entry of an upload that repeats `duplicate_of`, whose results and receipt it names."""
    _write(services, upload, Ending("DUPLICATE", results=_list_results(services, upload, upload.duplicate_of)))


def index_rejected(services: Services, upload: Upload, code: str, *, has_report: bool) -> None:
    """Write the entry of an upload that is rejected for a reason."""
    _write(services, upload, Ending("REJECTED", code, has_report=has_report))


def _write(services: Services, upload: Upload, ending: Ending) -> None:
    bucket = services.settings.results
    if key := entry_key(upload):
        services.put_json(bucket, key, make_entry(upload, ending, bucket))


def _list_results(services: Services, upload: Upload, owner: str) -> list[str]:
    """Return the prefixes of the predictions, or of the model, for which an upload was used.

    `owner` is the id of the upload that was predicted.
    """
    if of_others := upload.training or upload.masks_of:
        upload_id, analysis, _ = of_others.split("-")
        return [keys.upload_results(analysis, upload_id)]
    if upload.format not in READ_FORMATS or upload.released_at:
        return []  # only hashed, as most files of a run are
    analysis_of_key = services.analyses.by_name.get(upload.analysis)
    return [keys.upload_results(upload.analysis, owner)] if analysis_of_key and analysis_of_key.has_model else []
