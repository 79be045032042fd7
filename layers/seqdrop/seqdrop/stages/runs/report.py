"""`runs/<analysis>/<run folder>/run.json` and samples.tsv in the results bucket: what the lab gets to know of a run.

run.json has the state of the run, and a part for each folder that was complete: its files, samples, and the checksums
that the sequencer wrote. It is written before the folder is opened, because its files then leave the landing bucket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_conflict, is_missing
from seqdrop.errors import RetryableError
from seqdrop.runs.samples import as_json, as_tsv
from seqdrop.runs.verdicts import FAIL, PASS, WARN, count_verdicts, judge_undetermined
from seqdrop.runtime.services import now
from seqdrop.sagemaker.tags import run_id
from seqdrop.stages.runs.checksums import describe_lists
from seqdrop.stages.runs.costs import estimate_archive, list_archived
from seqdrop.stages.runs.index import write_index
from seqdrop.stages.runs.markers import list_markers
from seqdrop.stages.runs.pages import write_pages
from seqdrop.stages.runs.predictions import read_predictions
from seqdrop.stages.runs.sample_verdicts import describe_thresholds, find_unknown_barcodes, judge_samples, limits_of
from seqdrop.stages.runs.samples import read_sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.ledger.records import Fact
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import PutCondition, Services
    from seqdrop.stages.bundle.savings import Savings
    from seqdrop.stages.run_checksums import ListResult
    from seqdrop.stages.runs.judgement import Judgement
    from seqdrop.stages.runs.survey import Survey

Document = dict[str, Any]


class BundleEntry(TypedDict):
    """A bundle in run.json: its id, the key of its tar in the archive and of its index in the results bucket."""

    bundle: str
    key: str
    index: str
    savings: Savings


STATE = {"state": "state", "revision": "number", "cause": "cause", "instrument": "instrument"}  # in report and record
MAX_TRIES = 10  # a try fails only if another invocation wrote the report


def write_part(survey: Survey, folder: str, judgement: Judgement, comparison: ListResult) -> None:
    """Add a complete folder to the report of its run, and write the table of its samples."""
    services, run = survey.services, survey.run
    reading = read_sheet(survey, folder)
    files = survey.files_below(folder)
    table = reading.table(files)
    judged = judge_samples(survey, table)
    document = as_json(table)
    part: Document = {
        "folder": folder,
        "complete_at": now(),
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "archive": estimate_archive(list_archived(survey, folder)),
        "sheet": reading.name,
        "findings": [finding.as_entry() for finding in reading.findings],
        "problems": [*judgement.verdict.warnings, *reading.problems, *survey.problems],
        "checksums": describe_lists(comparison),
        **document,
        "samples": [{**sample, **judged[sample["sample_id"]]} for sample in document["samples"]],
        "verdicts": count_verdicts(sample["verdict"] for sample in judged.values()),
        "undetermined": judge_undetermined(table.undetermined_share, limits_of(survey)),
        **find_unknown_barcodes(survey, folder),
    }
    if lims_ids := reading.lims_ids:
        part["lims_ids"] = lims_ids  # of samples, for events (docs/events.md)
    if table.rows:
        _put(services, run, "samples.tsv", as_tsv(table, judged).encode(), "text/tab-separated-values; charset=utf-8")

    def add(report: Document) -> None:
        report["parts"] = [other for other in report.get("parts", []) if other["folder"] != folder] + [part]
        report["thresholds"] = describe_thresholds(survey)
        if reading.run_info:
            report["flow_cell"] = reading.run_info.flow_cell

    _change(services, run, add)


def summarize(report: Document) -> dict[str, Fact]:
    """Return what the record of the run keeps of its report: numbers of files, bytes and samples, and the flow cell.

    The samples are those of the last part that has samples.
    """
    parts = report["parts"]
    sampled = next((part for part in reversed(parts) if part["samples"]), None)
    return {
        "files": sum(part["files"] for part in parts),
        "bytes": sum(part["bytes"] for part in parts),
        "usd_least": f"{sum(part['archive']['usd_least'] for part in parts):.4f}",
        "samples": len(sampled["samples"]) if sampled else 0,
        "missing_samples": len(sampled["missing"]) if sampled else 0,
        **_count_verdicts(sampled),
        "flow_cell": report.get("flow_cell", ""),
    }


def _count_verdicts(part: Document | None) -> dict[str, Fact]:
    counts = (part or {}).get("verdicts", {})
    names = {"samples_passed": PASS, "samples_warned": WARN, "samples_failed": FAIL}
    return {name: counts.get(verdict, 0) for name, verdict in names.items()}


def publish_state(survey: Survey, run: Run) -> None:
    """Write the state of a run to its report and its pages unless they have it already."""
    report = read_report(survey.services, run)
    if any(report.get(name) != getattr(run, field) for name, field in STATE.items()):
        write_state(survey, run)
        write_index(survey.services, run)


def write_state(survey: Survey, run: Run) -> Document:
    """Write the state of a run, its times and its rejected files to its report; return the report."""
    services = survey.services
    rejected = [entry for entry in survey.latest.values() if entry.upload and entry.upload.state == "REJECTED"]
    changes = {
        "run": run.id,
        "folder": run.folder,
        "instrument": run.instrument,
        "instrument_name": run.instrument_name,
        "state": run.state,
        "revision": run.number,
        "cause": run.cause,
        "created_at": run.created_at,
        "times": run.timeline,
        "cost_tag": run_id(run.folder),  # its jobs have it as seqdrop:run, so the bill can be filtered by it
        "rejected": [
            {"name": entry.name, "code": entry.upload.reason, "upload": entry.upload.id}
            for entry in rejected
            if entry.upload
        ],
    }
    predictions = read_predictions(services, run, lambda: read_report(services, run))

    def update(report: Document) -> None:
        report.update(changes)
        report["markers"] = list_markers(survey, report.get("markers", []))
        if predictions:
            report["predictions"] = predictions

    return _change(services, run, update)


def read_report(services: Services, run: Run) -> Document:
    """Return run.json; an empty report if it was not written yet."""
    return _read(services, run)[0]


def add_bundle(services: Services, run: Run, entry: BundleEntry) -> None:
    """Add a bundle to the report of a run; an earlier entry of it is replaced."""

    def add(report: Document) -> None:
        others = [other for other in report.get("bundles", []) if other["bundle"] != entry["bundle"]]
        report["bundles"] = [*others, entry]

    _change(services, run, add)


def add_workflow(services: Services, run: Run, entry: Document) -> None:
    """Add a job of a workflow to the report of a run; an earlier entry of it is replaced."""

    def add(report: Document) -> None:
        others = [other for other in report.get("workflows", []) if other["job"] != entry["job"]]
        report["workflows"] = [*others, entry]

    _change(services, run, add)


def report_key(run: Run) -> str:
    """Return the key of run.json."""
    return keys.run_result(run.analysis, run.name, "run.json")


def _change(services: Services, run: Run, change: Callable[[Document], None]) -> Document:
    """Change run.json and return it.

    Two invocations may add a part at the same moment, so a report is written only if it is still the one that was read.
    Raise RetryableError if others kept writing it.
    """
    for _ in range(MAX_TRIES):
        report, condition = _read(services, run)
        change(report)
        try:
            services.put_json(services.settings.results, report_key(run), report, **condition)
        except ClientError as error:
            if not (is_conflict(error) or is_missing(error)):
                raise
        else:
            write_pages(services, run)
            return report
    raise RetryableError(f"other invocations kept writing the report of run {run.id}")


def _read(services: Services, run: Run) -> tuple[Document, PutCondition]:
    """Return run.json, and the condition under which it may be written: that it did not change."""
    try:
        response = services.s3.get_object(Bucket=services.settings.results, Key=report_key(run))
    except ClientError as error:
        if is_missing(error):
            return {"run": run.id, "folder": run.folder, "parts": []}, {"IfNoneMatch": "*"}
        raise
    return json.loads(response["Body"].read()), {"IfMatch": response["ETag"]}


def _put(services: Services, run: Run, name: str, body: bytes, content_type: str) -> None:
    key = keys.run_result(run.analysis, run.name, name)
    services.s3.put_object(Bucket=services.settings.results, Key=key, Body=body, ContentType=content_type)
