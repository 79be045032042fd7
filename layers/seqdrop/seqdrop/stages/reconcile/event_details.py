"""What the details of events need besides their record: ids of runs, of the lab's LIMS, and of restores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.archive.restore_plan import Plan
from seqdrop.aws import keys
from seqdrop.bus.details import Names, make_details
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.ledger.restore_records import RestoreRequest
from seqdrop.ledger.run_record import Run, run_id

if TYPE_CHECKING:
    from seqdrop.bus.details import Detail
    from seqdrop.bus.types import Happening
    from seqdrop.runtime.services import Services


class Describer:
    """Makes the details of events. It reads the report of each run once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._is_open = services.settings.event_names == "true"
        self._reports: dict[str, dict[str, Any]] = {}

    def describe(self, happening: Happening) -> list[Detail]:
        """Return the details of the events of a move."""
        return make_details(happening, self._names(happening))

    def _names(self, happening: Happening) -> Names:
        record = happening.record
        if isinstance(record, Upload):
            return self._names_upload(record)
        if isinstance(record, Attempt):
            return self._names_attempt(record, happening.state)
        if isinstance(record, Run):
            return Names(self._is_open, lims_ids=self._read_lims_ids(record.analysis, record.folder))
        if isinstance(record, RestoreRequest):
            return Names(self._is_open, uploads=self._read_uploads(record))
        return Names(self._is_open)

    def _names_upload(self, upload: Upload) -> Names:
        folder = self._services.analyses.run_folder(upload.key)
        run = run_id(upload.bucket, folder) if folder else ""
        return Names(self._is_open, run, self._find_lims_ids(upload, folder), upload=upload)

    def _names_attempt(self, attempt: Attempt, state: str) -> Names:
        upload = self._services.ledger.find_upload(attempt.upload_id)
        names = self._names_upload(upload) if upload else Names(self._is_open)
        if state != "TRAINED":
            return names
        # They take a tenth of a second to import; few runs of the reconciler have such an event.
        from seqdrop.stages.finish.training import version_of
        from seqdrop.training.request import Order

        order = Order.from_json(attempt.plan)
        return Names(
            self._is_open, lims_ids=names.lims_ids, upload=upload, model=order.model, version=version_of(attempt, order)
        )

    def _find_lims_ids(self, upload: Upload, folder: str) -> dict[str, str]:
        """Return the id that the object itself has as a tag; otherwise that of its sample in the sheet of its run."""
        if upload.lims_id or not folder:
            return {upload.id: upload.lims_id} if upload.lims_id else {}
        path, lims_ids = upload.key.removeprefix(folder), self._read_lims_ids(upload.analysis, folder)
        samples = self._find_part(upload.analysis, folder).get("samples", [])
        rows = [row for row in samples if any(path in files for files in row["files"].values())]
        names = [row["sample_id"] for row in rows if row["sample_id"] in lims_ids]
        return {name: lims_ids[name] for name in names}

    def _read_lims_ids(self, analysis: str, folder: str) -> dict[str, str]:
        """Return the ids of the samples of a run, by sample."""
        lims_ids: dict[str, str] = self._find_part(analysis, folder).get("lims_ids", {})
        return lims_ids

    def _find_part(self, analysis: str, folder: str) -> dict[str, Any]:
        """Return the last part of a run's report whose sheet has such ids; {} without one, or before the report."""
        key = keys.run_result(analysis, folder.rstrip("/").rpartition("/")[2], "run.json")
        if key not in self._reports:
            self._reports[key] = self._read_json(key)
        parts = reversed(self._reports[key].get("parts", []))
        return next((part for part in parts if part.get("lims_ids")), {})

    def _read_uploads(self, request: RestoreRequest) -> list[str]:
        """Return the uploads of a request for a restore; none if its plan is gone."""
        body = self._read(keys.restore_plan(request.id))
        return [file.upload for file in Plan.read(body).files] if body else []

    def _read_json(self, key: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._read(key) or "{}")
        return content

    def _read(self, key: str) -> bytes | None:
        return self._services.find_bytes(self._services.settings.results, key)
