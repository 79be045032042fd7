"""The check of sample sheets by `seqdrop validate`: which files are sheets, the report, and what is printed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict

from seqdrop.errors import SeqdropError
from seqdrop.runs.files import RunFileError
from seqdrop.runs.run_info import parse_run_info, parse_run_parameters_json
from seqdrop.runs.sheets.checks import check_sheet
from seqdrop.runs.sheets.codes import finding, is_error
from seqdrop.runs.sheets.names import is_sheet, starts_like_sheet
from seqdrop.runs.sheets.parser import parse_sheet

from seqdrop_cli.console import note, paint, say
from seqdrop_cli.errors import CommandError
from seqdrop_cli.inputs import STANDARD_INPUT, has_sequence_suffix, is_object

if TYPE_CHECKING:
    from _typeshed import SupportsRead
    from seqdrop.errors import Fault, FaultEntry
    from seqdrop.runs.run_info import RunInfo
    from seqdrop.runs.sheets.sheet import Sheet

    from seqdrop_cli.inputs import Inputs

LARGEST_SHEET = 64 * 1024 * 1024  # bytes; the largest sheets have some thousand rows
FIRST = 20  # findings of a severity that are printed and listed, as for sequence files
RUN_INFO_NAMES = ("RunInfo.xml", "RunParameters.json")


class SheetReport(TypedDict):
    """The report on a sample sheet.

    `kind` is "" if the sheet could not be read. `samples` is the number of samples, `rows` that of their rows, and
    `run` the id of the run that the sheet was compared with, or None. `errors`, `warnings` and `counts` are as in the
    report on a sequence file.
    """

    file: NotRequired[str]
    format: str
    kind: str
    valid: bool
    samples: int
    rows: int
    run: str | None
    errors: list[FaultEntry]
    warnings: list[FaultEntry]
    counts: dict[str, int]


def take_sheets(inputs: Inputs) -> list[str]:
    """Remove the sample sheets from the inputs, and return their names.

    A file that was named is a sheet by its name, or if it starts like one and has no suffix of a sequence file. A file
    of a folder must have both the name and the start.
    """
    sheets = [name for name in inputs.names if is_sheet(name) or _starts_like_sheet(name)]
    sheets += [name for name in inputs.others if is_sheet(name) and _starts_like_sheet(name)]
    inputs.names = [name for name in inputs.names if name not in sheets]
    inputs.others = [name for name in inputs.others if name not in sheets]
    return sheets


def _starts_like_sheet(name: str) -> bool:
    if name == STANDARD_INPUT or is_object(name) or has_sequence_suffix(name) or not Path(name).is_file():
        return False  # a pipe can be read only once
    try:
        with Path(name).open("rb") as file:
            return starts_like_sheet(file.read(512))
    except OSError:
        return False  # the check of the file reports it


def read_sheet(stream: SupportsRead[bytes], name: str) -> bytes:
    """Return all bytes of a stream, which may return fewer of them than it is asked for.

    Raise CommandError if they are more than any sheet has.
    """
    blocks = []
    rest = LARGEST_SHEET
    while block := stream.read(rest + 1):
        blocks.append(block)
        rest -= len(block)
        if rest < 0:
            raise CommandError(f"{name} is too large for a sample sheet; is it another file?")
    return b"".join(blocks)


def check_sheet_text(body: bytes, name: str, run_info: Path | None) -> SheetReport:
    """Return the report on a sheet. `run_info` is the path of the run's RunInfo.xml; None for the one beside the sheet.

    Raise CommandError if the file of `run_info` cannot be understood.
    """
    info = _find_run_info(name, run_info)
    try:
        sheet = parse_sheet(body, name)
    except RunFileError as error:
        reason = str(error).removeprefix(name).partition(": ")[2]
        return _make_report(None, [finding("sheet_unreadable", reason, error.line)], info)
    return _make_report(sheet, check_sheet(sheet, info), info)


def _find_run_info(name: str, path: Path | None) -> RunInfo | None:
    if path is not None:
        try:
            return _read_run_info(path)
        except SeqdropError as error:
            raise CommandError(f"{error}; name the run's RunInfo.xml with --run-info") from error
    if name == STANDARD_INPUT or is_object(name):
        return None
    for candidate in (Path(name).with_name(beside) for beside in RUN_INFO_NAMES):
        try:
            return _read_run_info(candidate)
        except FileNotFoundError:
            continue
        except (OSError, SeqdropError) as error:
            note(f"seqdrop: {candidate.name} beside {Path(name).name} was not used: {error}")
    return None


def _read_run_info(path: Path) -> RunInfo:
    parse = parse_run_parameters_json if path.suffix.lower() == ".json" else parse_run_info
    return parse(path.read_bytes(), str(path))


def _make_report(sheet: Sheet | None, faults: list[Fault], info: RunInfo | None) -> SheetReport:
    errors = [fault for fault in faults if is_error(fault)]
    warnings = [fault for fault in faults if not is_error(fault)]
    return {
        "format": "sample_sheet",
        "kind": sheet.kind if sheet else "",
        "valid": not errors,
        "samples": len({sample.sample_id for sample in sheet.samples}) if sheet else 0,
        "rows": len(sheet.samples) if sheet else 0,
        "run": info.run_id if info else None,
        "errors": [fault.as_entry() for fault in errors[:FIRST]],
        "warnings": [fault.as_entry() for fault in warnings[:FIRST]],
        "counts": dict(sorted(Counter(fault.code for fault in faults).items())),
    }


def print_sheet(name: str, report: SheetReport) -> None:
    """Print the findings on a sheet, in the form of those on sequence files."""
    mark = paint("✔", "green") if report["valid"] else paint("✘", "red")
    say(f"{mark} {name}: {_describe(report)}")
    for entries, title in ((report["errors"], paint("error", "red")), (report["warnings"], paint("warning", "yellow"))):
        for entry in entries:
            place = "" if entry["line"] is None else f" at line {entry['line']:,}"
            say(f"  {title} {entry['code']}{place}: {entry['message']}")
            say(f"    {entry['advice']}")
    if sum(report["counts"].values()) > len(report["errors"]) + len(report["warnings"]):
        say(f"  in all: {', '.join(f'{code} {count:,}' for code, count in report['counts'].items())}")


def _describe(report: SheetReport) -> str:
    if not report["kind"]:
        return "sample sheet that cannot be read"
    samples = "1 sample" if report["samples"] == 1 else f"{report['samples']:,} samples"
    rows = "1 row" if report["rows"] == 1 else f"{report['rows']:,} rows"
    kind = report["kind"].replace("illumina", "Illumina").replace("aviti", "AVITI").replace("ont", "MinKNOW")
    compared = f", compared with run {report['run']}" if report["run"] else ""
    return f"sample sheet ({kind}), {samples} in {rows}{compared}"
