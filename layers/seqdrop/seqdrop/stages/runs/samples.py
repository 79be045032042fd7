"""The sample sheet of a run, the instrument's description of it, and the table of its samples.

Both files are copied to the results bucket, where people find them. They are read from there for an on-board analysis
that comes after the run, whose own files have left the landing bucket by then.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.runs.files import RunFile, RunFileError
from seqdrop.runs.run_info import RunInfo, parse_run_info, parse_run_parameters_json
from seqdrop.runs.samples import SampleTable, sample_table
from seqdrop.runs.sheets.checks import check_sheet
from seqdrop.runs.sheets.names import is_sheet
from seqdrop.runs.sheets.parser import parse_sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seqdrop.errors import Fault
    from seqdrop.runs.sheets.sheet import Sheet
    from seqdrop.stages.runs.survey import Survey

DESCRIPTIONS: dict[str, Callable[[bytes, str], RunInfo]] = {
    "RunInfo.xml": parse_run_info,
    "RunParameters.json": parse_run_parameters_json,
}
SHEET = "SampleSheet.csv"


@dataclass(frozen=True)
class SheetReading:
    """What the sample sheet and the instrument say of a run.

    `digest` is the SHA-256 of the sheet, "" without one. `problems` are sentences about files that cannot be read, and
    `findings` what the checks found in the sheet.
    """

    sheet: Sheet | None = None
    run_info: RunInfo | None = None
    digest: str = ""
    name: str = ""
    findings: Sequence[Fault] = ()
    problems: tuple[str, ...] = ()

    @property
    def lims_ids(self) -> dict[str, str]:
        """The ids that the lab's information system gave to samples: the column LIMS_ID of the sheet, by sample."""
        samples = self.sheet.samples if self.sheet else ()
        return {sample.sample_id: sample.lims_id for sample in samples if sample.sample_id and sample.lims_id}

    def table(self, files: Iterable[RunFile]) -> SampleTable:
        """Return the samples of these files; an empty table if none of them has reads.

        The folder of an Illumina run has the sheet, and its reads come later, with an analysis.
        """
        table = sample_table(self.sheet, files, self.run_info)
        return table if table.undetermined_share is not None else SampleTable((), 0, None)


def read_sheet(survey: Survey, folder: str = "") -> SheetReading:
    """Read the sheet of a folder of the run, or that of the run itself, and RunInfo.xml or RunParameters.json."""
    problems: list[str] = []
    run_info = _read_description(survey, problems)
    name = _find_sheet(survey, folder)
    body = _read(survey, name, SHEET)
    if body is None:
        return SheetReading(run_info=run_info, problems=tuple(problems))
    digest = hashlib.sha256(body).hexdigest()
    try:
        sheet = parse_sheet(body, name)
    except RunFileError as error:
        return SheetReading(None, run_info, digest, name, problems=(*problems, str(error)))
    return SheetReading(sheet, run_info, digest, name, tuple(check_sheet(sheet, run_info)), tuple(problems))


def _find_sheet(survey: Survey, folder: str) -> str:
    """Return the name of the sheet nearest to a folder: below it, or in the run's folder. "" if neither has one.

    If there are several, the one that arrived last counts: people mend a sheet and copy it again.
    """
    sheets = [entry for entry in survey.latest.values() if is_sheet(entry.name)]
    inside = [entry for entry in sheets if folder and entry.name.startswith(f"{folder}/")]
    beside = [entry for entry in sheets if not posixpath.dirname(entry.name)]
    latest = max(inside or beside, key=lambda entry: (entry.modified, entry.name), default=None)
    return latest.name if latest else ""


def _read_description(survey: Survey, problems: list[str]) -> RunInfo | None:
    for name, parse in DESCRIPTIONS.items():
        body = _read(survey, name if name in survey.latest else "", name)
        if body is None:
            continue
        try:
            return parse(body, name)
        except RunFileError as error:
            problems.append(str(error))
    return None


def _read(survey: Survey, name: str, copy: str) -> bytes | None:
    """Return a file of the run and copy it to the results bucket; without a `name`, return the copy or None."""
    services, run = survey.services, survey.run
    key = keys.run_result(run.analysis, run.name, copy)
    if name:
        try:
            body = survey.read(name)
        except FileNotFoundError:
            return None
        if services.find_bytes(services.settings.results, key) != body:  # each write would be another version
            services.s3.put_object(Bucket=services.settings.results, Key=key, Body=body)
        return body
    return services.find_bytes(services.settings.results, key)
