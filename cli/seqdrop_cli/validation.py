"""The check of files, pairs of mates and sample sheets on this machine, with report, pages and figures."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.name_digests import compare, locate_fault, records_to_search
from seqdrop.uploads import UploadVersion

from seqdrop_cli.console import note, paint, say
from seqdrop_cli.errors import CommandError, UsageError, describe
from seqdrop_cli.figures import write_figures, write_page
from seqdrop_cli.inputs import STANDARD_INPUT, Unit, find_inputs, is_plain, pair_files
from seqdrop_cli.progress_bar import show_progress
from seqdrop_cli.sheet_validation import check_sheet_text, print_sheet, read_sheet, take_sheets
from seqdrop_cli.validation_output import (
    Comparison,
    Result,
    print_absent_mate,
    print_fault,
    print_pair,
    print_summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import SupportsRead
    from seqdrop.report.schema import Report

    from seqdrop_cli.commands.validate import Options

FORMATS = ("fastq", "fasta", "bam")


def validate(options: Options) -> int:
    """Check all files, and the pairs among them, and print the findings.

    Return 0 if all is valid, 1 if not, and 2 if a file cannot be read.
    """
    words = [*options.files, options.mate] if options.mate else options.files
    inputs = find_inputs(words)
    if options.mate and (len(words) != 2 or not all(map(is_plain, words))):
        raise UsageError("--mate needs one FILE and its mate; mates among several files are found by their names")
    sheets = [] if options.mate else take_sheets(inputs)
    units = [Unit(options.files[0], options.mate)] if options.mate else pair_files(inputs.names)
    is_single = len(units) + len(sheets) == 1 and len(options.files) == 1 and is_plain(options.files[0])
    is_explicit = is_single or options.mate is not None
    results = [_check_sheet(options, name, is_explicit) for name in sheets]
    results += [_check(options, unit, is_explicit) for unit in units]
    is_valid = all(result.is_valid for result in results)
    if options.json:
        reports = [result.report for result in results if result.report]
        unreadable = [name for result in results for name in result.unreadable]
        several = {"valid": is_valid, "files": reports, "unreadable": unreadable}
        print(json.dumps(reports[0] if is_explicit else several, indent=2))
    elif not is_explicit:
        print_summary(results, inputs.others)
    if any(result.unreadable for result in results):
        return 2
    return 0 if is_valid else 1


def _check(options: Options, unit: Unit, stop: bool) -> Result:
    """Check a unit and print its findings. The readings, which are large, are released when this returns.

    If a file cannot be read, raise the exception if `stop`, otherwise print it.
    """
    result = Result(unit)
    readings = []
    for name in unit.names:
        try:
            readings.append(_read(name, options.alphabet))
        except Exception as error:
            if stop or not _note_unreadable(error, result, name):
                raise
        else:
            result.validity[name] = readings[-1].findings.valid
            _write(options, name, readings[-1])
    faults = _check_pair(options, result, readings)
    if readings:
        result.report = _make_report(readings, faults, result, with_names=not stop)
    return result


def _note_unreadable(error: Exception, result: Result, name: str) -> bool:
    """Print why a file cannot be read; return False if the exception is a bug."""
    sentence = describe(error)
    if sentence is None:
        return False
    note(f"seqdrop: {sentence}")
    result.unreadable.append(name)
    return True


def _check_sheet(options: Options, name: str, stop: bool) -> Result:
    """Check a sample sheet and print its findings. An unreadable file is reported as in `_check`."""
    result = Result(Unit(name))
    try:
        with _open(name) as (stream, _):
            body = read_sheet(stream, name)
        report = check_sheet_text(body, name, options.run_info)
    except Exception as error:
        if stop or not _note_unreadable(error, result, name):
            raise
        return result
    result.validity[name] = report["valid"]
    result.report = report if stop else {**report, "file": name}
    if not options.json:
        print_sheet(name, report)
    return result


def _write(options: Options, name: str, reading: Reading) -> None:
    """Print the findings on a file, and write its page and figures."""
    if options.multiqc:
        write_figures(options.multiqc, name, reading.report())
    if options.html:
        write_page(options.html, name, reading.report())
    if not options.json:
        _print_reading(name, reading)


def _check_pair(options: Options, result: Result, readings: list[Reading]) -> list[Fault]:
    """Compare the files of a unit if both were read, print the result, and return the faults."""
    if len(readings) < 2:
        if not options.json and not result.unreadable:
            print_absent_mate(result.unit.first)
        return []
    comparison = _compare(readings, result.unit, by_name=options.mate is None)
    result.pair = comparison.outcome
    if not options.json:
        print_pair(result.unit, readings[0].number, comparison)
    return comparison.faults


def _compare(readings: list[Reading], unit: Unit, by_name: bool) -> Comparison:
    """Compare two mates. If only their names say that they are mates (`by_name`), their reads may refute it.

    Digests of names locate a fault within 64 reads. To locate the read itself, both files are read again up to it.
    """
    names = unit.names
    if not all(reading.number for reading in readings):
        return Comparison([], "one of the files has no reads")
    if by_name:
        if any(reading.format != "fastq" for reading in readings):
            return Comparison([], "only files in FASTQ can be mates")
        if not unit.is_certain and any(reading.report()["interleaved"] for reading in readings):
            return Comparison([], "one of the files is interleaved, so it has both mates")
    first, second = (reading.read_names for reading in readings)
    if not unit.is_certain:
        from seqdrop.reads.findings import Policy
        from seqdrop.work import mate_digests

        check = mate_digests.check(first, second, unit.is_certain, Policy())
        if not check.checked:
            return Comparison([], check.note.removeprefix("not checked: "))
    faults = compare(first, second)
    if STANDARD_INPUT not in names:
        faults = [_locate(fault, names) if fault.code == "mates_out_of_step" else fault for fault in faults]
    return Comparison(faults)


def _locate(fault: Fault, names: list[str]) -> Fault:
    places = []
    for name in names:
        with _open(name) as (stream, _):
            places.append(Reading(stream, FORMATS).locate_names(records_to_search(fault)))
    return locate_fault(fault, *places)


def _make_report(readings: list[Reading], faults: list[Fault], result: Result, with_names: bool) -> Report:
    """Return the report of the first file, with the report of its mate as `mate` and the pair's faults in `errors`.

    If `with_names`, the name of each file is in its report as `file`.
    """
    reports: list[Report] = [{**reading.report()} for reading in readings]
    if with_names:
        for name, report in zip(result.validity, reports, strict=True):
            report["file"] = name
    report, *mates = reports
    if mates:
        report["mate"] = mates[0]
        report["errors"] += [fault.as_entry() for fault in faults]
        for fault in faults:
            report["counts"][fault.code] = report["counts"].get(fault.code, 0) + 1
    report["valid"] = result.is_valid
    return report


def _read(name: str, alphabet: str) -> Reading:
    with _open(name) as (stream, size):
        label = "" if name == STANDARD_INPUT else name
        with show_progress(stream, size, name) as monitored:
            reading = Reading(monitored, FORMATS, name=label, alphabet=alphabet)
            reading.size = size
            with suppress(InvalidFileError):  # the reading keeps all errors
                reading.run()
    return reading


@contextmanager
def _open(name: str) -> Iterator[tuple[SupportsRead[bytes], int | None]]:
    """Yield (stream, size in bytes or None) for a path, for - (standard input), or for s3://bucket/key."""
    if name == STANDARD_INPUT:
        yield sys.stdin.buffer, None
    elif name.startswith("s3://"):
        with _open_object(name) as (stream, size):
            yield stream, size
    else:
        with Path(name).open("rb", buffering=0) as file:
            yield file, os.fstat(file.fileno()).st_size


@contextmanager
def _open_object(url: str) -> Iterator[tuple[SupportsRead[bytes], int]]:
    import boto3
    from botocore.exceptions import ClientError
    from seqdrop.aws.errors import code_of, is_missing
    from seqdrop.aws.ranged_stream import RangedObject

    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise CommandError(f"{url} is not the address of an object; write s3://bucket/key")
    s3 = boto3.client("s3")
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if not is_missing(error) and code_of(error) != "NoSuchBucket":
            raise
        raise CommandError(f"there is no object {url}; `aws s3 ls s3://{bucket}/` lists the bucket") from error
    version = UploadVersion(bucket, key, "", head["ContentLength"], head["ETag"].strip('"'))
    with RangedObject(s3, version) as stream:
        yield stream, version.size


UNITS = {
    "dna": "bases",
    "rna": "bases of RNA (U is read as T)",
    "mixed": "bases of RNA and DNA (U is read as T)",
    "protein": "residues",
}


def _print_reading(name: str, reading: Reading) -> None:
    findings = reading.findings
    mark = paint("✔", "green") if findings.valid else paint("✘", "red")
    say(f"{mark} {name}: {_describe(reading)}")
    for fault in findings.errors:
        print_fault(f"  {paint('error', 'red')}", fault)
    for fault in findings.warnings:
        print_fault(f"  {paint('warning', 'yellow')}", fault)
    if findings.counts.total() > len(findings.errors) + len(findings.warnings):
        counts = ", ".join(f"{code} {count:,}" for code, count in sorted(findings.counts.items()))
        say(f"  in all: {counts}")


def _describe(reading: Reading) -> str:
    qc = reading.tally.report()
    unit = UNITS[reading.tally.alphabet()]
    records = "1 record" if reading.number == 1 else f"{reading.number:,} records"
    facts = f"{(reading.format or 'unknown').upper()}, {records}, {qc['bases']:,} {unit}"
    if qc["gc_fraction"] is not None:
        facts += f", GC {qc['gc_fraction']:.1%}"
    if qc["mean_quality"] is not None:
        facts += f", mean quality {qc['mean_quality']:.1f}, Q30 {qc['q30_fraction']:.1%}"
    return facts
