"""The check of a file or a pair of mates on this machine, with report, pages and figures."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.multiqc import make_custom_content
from seqdrop.reads.name_digests import compare, locate_fault, records_to_search
from seqdrop.report.page import render_page
from seqdrop.results.reports import sample_name
from seqdrop.uploads import UploadVersion

from seqdrop_cli.console import paint, say
from seqdrop_cli.errors import CommandError
from seqdrop_cli.progress_bar import show_progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import SupportsRead
    from seqdrop.report.schema import Report

    from seqdrop_cli.commands.validate import Options

STANDARD_INPUT = "-"
FORMATS = ("fastq", "fasta", "bam")


def validate(options: Options) -> int:
    """Check a file, or a pair of files, and print the findings; return 0 if all is valid, else 1."""
    names = [options.file, options.mate] if options.mate else [options.file]
    readings = [_read(name, options.alphabet) for name in names]
    faults = _compare(readings, names) if len(names) == 2 and all(reading.number for reading in readings) else []
    _write_figures(options, {_sample(name): reading.report() for name, reading in zip(names, readings, strict=True)})
    is_valid = all(reading.findings.valid for reading in readings) and not faults
    if options.json:
        print(json.dumps(_make_report(readings, faults, is_valid), indent=2))
    else:
        for name, reading in zip(names, readings, strict=True):
            _print_reading(name, reading)
        for fault in faults:
            _print_fault(f"{paint('✘', 'red')} pair", fault)
    return 0 if is_valid else 1


def _write_figures(options: Options, reports: dict[str, Report]) -> None:
    if options.multiqc:
        figures = make_custom_content(reports)
        _write(options.multiqc, {name: json.dumps(content, indent=1) for name, content in figures.items()})
    if options.html:
        _write(options.html, {f"{sample}.html": render_page(report, sample) for sample, report in reports.items()})


def _sample(name: str) -> str:
    return "stdin" if name == STANDARD_INPUT else sample_name(name)


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def _compare(readings: list[Reading], names: list[str]) -> list[Fault]:
    """Return the faults of the pair.

    Digests of names locate a fault within 64 reads. To locate the read itself, both files are read again up to it.
    """
    faults = compare(readings[0].read_names, readings[1].read_names)
    if STANDARD_INPUT in names:
        return faults
    return [_locate(fault, names) if fault.code == "mates_out_of_step" else fault for fault in faults]


def _locate(fault: Fault, names: list[str]) -> Fault:
    places = []
    for name in names:
        with _open(name) as (stream, _):
            places.append(Reading(stream, FORMATS).locate_names(records_to_search(fault)))
    return locate_fault(fault, *places)


def _make_report(readings: list[Reading], faults: list[Fault], is_valid: bool) -> Report:
    """Return the report of the first file, with the report of its mate as `mate` and the pair's faults in `errors`."""
    report = readings[0].report()
    if len(readings) == 2:
        report["mate"] = readings[1].report()
        report["errors"] += [fault.as_entry() for fault in faults]
        for fault in faults:
            report["counts"][fault.code] = report["counts"].get(fault.code, 0) + 1
    report["valid"] = is_valid
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
        _print_fault(f"  {paint('error', 'red')}", fault)
    for fault in findings.warnings:
        _print_fault(f"  {paint('warning', 'yellow')}", fault)
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


def _print_fault(mark: str, fault: Fault) -> None:
    places = {"record": fault.record, "line": fault.line, "byte": fault.byte}
    where = ", ".join(f"{word} {number:,}" for word, number in places.items() if number is not None)
    say(f"{mark} {fault.code}{f' at {where}' if where else ''}: {fault.message}")
    say(f"    {fault.advice}")
