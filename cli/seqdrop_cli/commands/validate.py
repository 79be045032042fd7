"""`seqdrop validate`: the checks that a dropped file will get, before it is dropped.

Exit status: 0 valid, 1 invalid, 2 usage (a file that cannot be read counts as such).
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.config.analyses import FORMATS
from seqdrop.config.kind import DNA
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.multiqc import make_custom_content
from seqdrop.reads.name_digests import compare, locate_fault, records_to_search
from seqdrop.report.page import render_page
from seqdrop.results.reports import sample_name
from seqdrop.uploads import UploadVersion

from seqdrop_cli.progress_bar import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from seqdrop.report.schema import Report


def validate(
    file: str,
    mate: str | None,
    as_json: bool,
    console: Console,
    multiqc: Path | None = None,
    pages: Path | None = None,
    alphabet: str = DNA,
) -> int:
    """Check a file, or a pair of them, and print what was found. Raises FileNotFoundError.

    `alphabet` is that of FASTA; `multiqc` is a folder for what MultiQC shows of it, `pages` one for a page on each
    file, valid or not.
    """
    readings = [_read(name, alphabet) for name in (file, mate) if name]
    paired = _compared(readings, [file, mate]) if mate and _readable(readings) else []
    samples = {_sample(name): one.report() for name, one in zip((file, mate), readings, strict=False)}
    if multiqc:
        _write(multiqc, {name: json.dumps(content, indent=1) for name, content in make_custom_content(samples).items()})
    if pages:
        _write(pages, {f"{sample}.html": render_page(report, sample) for sample, report in samples.items()})
    valid = all(one.findings.valid for one in readings) and not paired
    if as_json:
        print(json.dumps(_report(readings, paired, valid), indent=2))
    else:
        for name, reading in zip((file, mate), readings, strict=False):
            _print(name, reading, console)
        for one in paired:
            _print_fault("[red]✘[/] pair", one, console)
    return 0 if valid else 1


def _sample(name: str) -> str:
    return "stdin" if name == "-" else sample_name(name)


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def _compared(readings: list[Reading], names: list[str]) -> list[Fault]:
    """What is wrong with the pair. Digests tell 64 reads; the one is found by reading both files again, up to it."""
    faults = compare(readings[0].read_names, readings[1].read_names)
    if "-" in names:
        return faults
    return [_located(one, names) if one.code == "mates_out_of_step" else one for one in faults]


def _located(found: Fault, names: list[str]) -> Fault:
    named = []
    for name in names:
        with _opened(name) as (stream, _):
            named.append(Reading(stream, sorted(FORMATS)).locate_names(records_to_search(found)))
    return locate_fault(found, *named)


def _readable(readings: list[Reading]) -> bool:
    return all(reading.number for reading in readings)


def _report(readings: list[Reading], paired: list[Fault], valid: bool) -> Report:
    """That of the first file; its mate's stands in `mate`, and what is wrong with the pair among the errors."""
    report = readings[0].report()
    if len(readings) == 2:
        report["mate"] = readings[1].report()
        report["errors"] += [one.as_entry() for one in paired]
        for one in paired:
            report["counts"][one.code] = report["counts"].get(one.code, 0) + 1
    report["valid"] = valid
    return report


def _read(name: str, alphabet: str) -> Reading:
    with _opened(name) as (stream, size):
        label = "" if name == "-" else name
        with shown(stream, size, name) as watched:
            reading = Reading(watched, sorted(FORMATS), name=label, alphabet=alphabet)
            with suppress(InvalidFileError):  # the reading holds it all
                reading.run()
    return reading


@contextmanager
def _opened(name: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """(stream, bytes if known) of a path, of - for standard input, or of s3://bucket/key."""
    if name == "-":
        yield sys.stdin.buffer, None
    elif name.startswith("s3://"):
        with _object(name) as (stream, size):
            yield stream, size
    else:
        with Path(name).open("rb", buffering=0) as stream:
            yield stream, os.fstat(stream.fileno()).st_size


@contextmanager
def _object(url: str) -> Iterator[tuple[BinaryIO, int]]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        s3 = boto3.client("s3")
        head = s3.head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError, ValueError) as error:
        raise FileNotFoundError(f"cannot read {url}: {error}") from error
    version = UploadVersion(bucket, key, "", head["ContentLength"], head["ETag"].strip('"'))
    with RangedObject(s3, version) as stream:
        yield stream, version.size


def _print(name: str, reading: Reading, console: Console) -> None:
    findings, qc = reading.findings, reading.tally.report()
    mark = "[green]✔[/]" if findings.valid else "[red]✘[/]"
    unit = "bases" if qc["residue_counts"] is None else "residues"
    facts = f"{(reading.format or 'unknown').upper()}, {reading.number:,} records, {qc['bases']:,} {unit}"
    if qc["gc_fraction"] is not None:
        facts += f", GC {qc['gc_fraction']:.1%}"
    if qc["mean_quality"] is not None:
        facts += f", mean quality {qc['mean_quality']:.1f}, Q30 {qc['q30_fraction']:.1%}"
    console.print(f"{mark} {name}: {facts}", highlight=False, soft_wrap=True)
    for one in findings.errors:
        _print_fault("  [red]error[/]", one, console)
    for one in findings.warnings:
        _print_fault("  [yellow]warning[/]", one, console)
    told = len(findings.errors) + len(findings.warnings)
    if findings.counts.total() > told:
        counts = ", ".join(f"{code} {count:,}" for code, count in sorted(findings.counts.items()))
        console.print(f"  in all: {counts}", highlight=False, soft_wrap=True)


def _print_fault(mark: str, one: Fault, console: Console) -> None:
    places = {"record": one.record, "line": one.line, "byte": one.byte}
    where = ", ".join(f"{word} {number:,}" for word, number in places.items() if number is not None)
    console.print(f"{mark} {one.code}{f' at {where}' if where else ''}: {one.message}", highlight=False, soft_wrap=True)
    console.print(f"    {one.advice}", highlight=False, soft_wrap=True)
