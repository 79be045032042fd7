"""Mails about a run: one when it is archived, and one for each problem that a person should know of before that.

Problems are a failure that the instrument reports, a run from which no file arrives any more, and a sample sheet with
errors, which can still be mended while the run is sequenced. Each is mailed once: the time of the mail is in the record
of the run. A mail is sent before the record is written, so a crash may repeat it, but never leaves it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.companions.runs import marker_command
from seqdrop.report.numbers import short
from seqdrop.runs.names import OVERRIDE
from seqdrop.runs.sheets.codes import is_error
from seqdrop.runtime.services import now
from seqdrop.stages.runs.report import report_key
from seqdrop.stages.runs.samples import SheetReading, read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services
    from seqdrop.stages.runs.checksums import ListsEntry
    from seqdrop.stages.runs.judgement import Judgement
    from seqdrop.stages.runs.report import Document
    from seqdrop.stages.runs.survey import Survey

MOST_NAMES = 20  # files that a mail lists


def send(services: Services, survey: Survey, run: Run, judgement: Judgement) -> dict[str, str]:
    """Mail each new problem of a run; return the facts with the times of the mails, for the record."""
    facts: dict[str, str] = {}
    is_growing = run.state in ("SEQUENCING", "COPYING")
    if run.state == "FAILED" and not run.failed_at:
        _mail_failed(services, run)
        facts["failed_at"] = now()
    if judgement.verdict.is_silent and is_growing and not run.silent_at:
        _mail_silent(services, run)
        facts["silent_at"] = now()
    if is_growing and (reading := read_sheet(survey)).digest not in ("", run.checked):
        _mail_sheet(services, run, reading)
        facts["checked"] = reading.digest
    return facts


def mail_archived(services: Services, run: Run, report: Document) -> None:
    """Send the mail of a run whose files are archived."""
    place = f"s3://{services.settings.results}/{report_key(run).removesuffix('run.json')}"
    rejected = f", except {_count(run.rejected, 'file')} that it rejected and left in the landing bucket"
    services.notify(
        f"Seqdrop archived the run {run.name}",
        f"Seqdrop archived the files of this run{rejected if run.rejected else ''}:\n"
        f"  {run.folder} ({run.instrument_name or 'instrument not recognised'}, revision {run.number})\n\n"
        + "".join(f"{line}\n" for line in _describe(report))
        + f"\nTo get the table of samples and all details:\n  aws s3 cp --recursive {place} .\n",
    )


def _describe(report: Document) -> Iterator[str]:
    """Yield the lines of the mail that describe the parts of a run and its rejected files."""
    for part in report["parts"]:
        samples = f", {_count(len(part['samples']), 'sample')}" if part["samples"] else ""
        files = f"{_count(part['files'], 'file')}, {short(part['bytes'], 'B')}"
        yield f"{part['folder'] or 'The run'}: {files}{samples}"
        if part["missing"]:
            yield f"  no files of these samples of the sheet: {_join(part['missing'])}"
        if part["unexpected"]:
            yield f"  samples that are not in the sheet: {_join(part['unexpected'])}"
        if part["undetermined_share"]:
            yield f"  reads of no sample (Undetermined): {part['undetermined_share']:.1%} of the bytes"
        yield from _describe_checksums(part["checksums"])
        dollars = part["archive"]["usd_least"]
        yield f"  archive: {dollars:.2f} US dollars for the 180 days that are billed at least, by list prices"
        yield from (f"  {problem}" for problem in part["problems"])
    if report["rejected"]:
        yield f"Rejected: {_count(len(report['rejected']), 'file')}"
        yield from (f"  {entry['name']} ({entry['code']})" for entry in report["rejected"][:MOST_NAMES])
        yield "  reasons/<upload>.json in the results bucket has the reason of each; run.json names the uploads"


def _count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _describe_checksums(lists: ListsEntry) -> Iterator[str]:
    for name, count in lists["agreed"].items():
        yield f"  {_count(count, 'file')} with the checksum that {name} has"
    for name, difference in lists["differing"].items():
        yield f"  DIFFERS: {name}: {difference}"
    for name, files in lists["missing"].items():
        yield f"  in {name}, but not there: {_join(files)}"
    yield from (f"  {problem}" for problem in lists["problems"])


def _join(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _mail_failed(services: Services, run: Run) -> None:
    services.notify(
        f"Seqdrop: the run {run.name} failed",
        f"The instrument reports that this run failed:\n  {run.folder} ({run.instrument_name})\n\n"
        f"{run.cause}\n\n"
        "Its files are kept in the landing bucket, and wait: none of them is predicted or archived.\n\n"
        "What to do:\n"
        "- To archive them as they are: drop an empty marker:\n"
        f"  {marker_command(run.bucket, run.folder, OVERRIDE)}\n"
        "- If you do not want the files: delete them.\n",
    )


def _mail_silent(services: Services, run: Run) -> None:
    services.notify(
        f"Seqdrop: no more files arrive from the run {run.name}",
        f"This run is not complete, and no file of it has arrived for a long time:\n"
        f"  {run.folder} ({run.instrument_name or 'instrument not recognised'})\n\n"
        f"{run.cause}\n\n"
        "An instrument or an upload that breaks off leaves no marker. The files that arrived are kept, and the run\n"
        "continues by itself when the others arrive.\n\n"
        "What to do:\n"
        "- Look whether the instrument still sequences, and whether the upload still runs; `seqdrop upload` continues\n"
        "  where it stopped.\n"
        "- If the run broke off and you want its files as they are: drop an empty marker:\n"
        f"  {marker_command(run.bucket, run.folder, OVERRIDE)}\n"
        "- If you do not want the files: delete them.\n",
    )


def _mail_sheet(services: Services, run: Run, reading: SheetReading) -> None:
    """Send a mail about the errors of a sheet; none if it has no errors."""
    errors = [finding for finding in reading.findings if is_error(finding)]
    lines = [*reading.problems, *(f"line {error.line}: {error.message} {error.advice}" for error in errors)]
    if not lines:
        return
    services.notify(
        f"Seqdrop: the sample sheet of the run {run.name} has errors",
        f"{reading.name or 'The description of the run'} of this run should be corrected before the run is through:\n"
        f"  {run.folder} ({run.instrument_name})\n\n"
        + "".join(f"- {line}\n" for line in lines[:MOST_NAMES])
        + (f"- and {len(lines) - MOST_NAMES:,} more\n" if len(lines) > MOST_NAMES else "")
        + "\nCorrect the sheet, and drop it again under the same name; it is then checked again. The files of the run\n"
        "are kept and validated all the same.\n",
    )
