"""Derive the rows of an upload, or of a run's samples, and write them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from seqdrop.catalogue.prediction_rows import CALLS as CALLS_FILE
from seqdrop.catalogue.prediction_rows import attempts_with_calls, call_rows, prediction_rows
from seqdrop.catalogue.sample_rows import sample_rows
from seqdrop.catalogue.schema import CALLS, PREDICTIONS, SAMPLES, UPLOADS
from seqdrop.catalogue.upload_rows import upload_row
from seqdrop.ledger.run_record import run_id
from seqdrop.results.writer import result_key
from seqdrop.stages.catalogue.reading import read_document, read_facts
from seqdrop.stages.catalogue.writing import ReplacedError, RowsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.catalogue.facts import Document, UploadFacts
    from seqdrop.catalogue.upload_rows import Row
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.runtime.services import Services

MAX_TRIES = 5
T = TypeVar("T")


def write_upload_rows(services: Services, upload: Upload) -> None:
    """Write the rows of an upload in all tables, by the facts that are stored now."""
    _retry(lambda: _derive_upload(services, upload))


def _derive_upload(services: Services, upload: Upload) -> None:
    month = upload.created_at[:7]
    files = {name: RowsFile.find(services, name, month, upload.id) for name in (UPLOADS, PREDICTIONS, CALLS)}
    facts = read_facts(services, upload)
    files[UPLOADS].replace(services, [upload_row(facts)])
    files[PREDICTIONS].replace(services, prediction_rows(facts))
    files[CALLS].replace(services, _read_calls(services, facts))


def _read_calls(services: Services, facts: UploadFacts) -> Iterator[Row]:
    for attempt in attempts_with_calls(facts):
        yield from call_rows(facts, attempt, _read_lines(services, attempt))


def _read_lines(services: Services, attempt: Attempt) -> Iterator[str]:
    key = result_key(attempt, CALLS_FILE)
    with closing(services.s3.get_object(Bucket=services.settings.results, Key=key)["Body"]) as body:
        for line in body.iter_lines():
            yield line.decode()


def write_sample_rows(services: Services, key: str) -> list[str]:
    """Write the rows of the samples of a run, by the key of its run.json.

    Return the ids of the uploads that the run rejected: their projects may be known only now.
    """
    report = read_document(services, key)
    if report is None:
        return []
    folder = report.content["folder"]
    run = services.ledger.find_run(run_id(services.settings.landing, folder))
    if run is None:
        return []

    def derive() -> Document:
        file = RowsFile.find(services, SAMPLES, run.created_at[:7], run.id)
        current = read_document(services, key)
        content: Document = current.content if current else {}
        file.replace(services, sample_rows(run, content))
        return content

    return [entry["upload"] for entry in _retry(derive).get("rejected", [])]


def _retry(derive: Callable[[], T]) -> T:
    for _ in range(MAX_TRIES - 1):
        try:
            return derive()
        except ReplacedError:
            continue
    return derive()
