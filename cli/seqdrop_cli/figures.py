"""Report pages and figures for MultiQC in a folder on this machine, to which later calls add.

A file is identified by a digest of its absolute path or address, which is in the names of its figures and at the end of
its page. If the same file is checked again, its pages and figures are replaced. If another file has the same name, as
run1/S1.fastq and run2/S1.fastq, its sample is called run2_S1.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop.reads.multiqc import make_custom_content
from seqdrop.report.page import render_page
from seqdrop.results.reports import sample_name

from seqdrop_cli.inputs import STANDARD_INPUT, identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seqdrop.report.schema import Report

LONGEST = 150  # characters of a sample's name in the name of a file
GENERAL = "seqdrop_general_mqc.json"
MARK = "\n<!-- file {} -->\n"


def write_figures(folder: Path, name: str, report: Report) -> None:
    """Write the figures of a file for MultiQC."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = _digest(name)
    sample = _choose_sample(name, lambda sample: _has_other_figures(folder, sample, digest))
    prefix = f"{sample[:LONGEST]}.{digest}."
    for figure, content in make_custom_content({sample: report}).items():
        path = folder / (prefix + figure)
        if content["data"]:
            path.write_text(json.dumps(content, indent=1))
        else:  # a FASTA file has no qualities
            path.unlink(missing_ok=True)


def _has_other_figures(folder: Path, sample: str, digest: str) -> bool:
    pattern = re.compile(re.escape(sample[:LONGEST]) + r"\.([0-9a-f]{8})\." + re.escape(GENERAL))
    matches = (pattern.fullmatch(path.name) for path in folder.iterdir())
    return any(match and match[1] != digest for match in matches)


def write_page(folder: Path, name: str, report: Report) -> None:
    """Write the report page of a file."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = MARK.format(_digest(name))
    sample = _choose_sample(name, lambda sample: _has_other_page(folder / f"{sample[:LONGEST]}.html", mark))
    (folder / f"{sample[:LONGEST]}.html").write_text(render_page(report, sample) + mark)


def _has_other_page(path: Path, mark: str) -> bool:
    """Return True if there is a page of another file. Pages of earlier versions have no mark, and are replaced."""
    if not path.exists():
        return False
    end = path.read_text(errors="replace")[-len(mark) :]
    return end != mark and end.startswith(mark[:10])


def _digest(name: str) -> str:
    return hashlib.sha256(identify(name).encode(errors="surrogateescape")).hexdigest()[:8]


def _choose_sample(name: str, is_taken: Callable[[str], bool]) -> str:
    """Return the first name for the sample that no other file has."""
    return next(sample for sample in _candidates(name) if not is_taken(sample))


def _candidates(name: str) -> Iterator[str]:
    """Yield the file name without suffixes, then with its folder, with the folder of that, and so on; then a digest."""
    if name == STANDARD_INPUT:
        yield "stdin"
        return
    path = Path(identify(name))
    sample = sample_name(path.name)
    yield sample
    for folder in path.parents:
        if folder.name:
            sample = f"{folder.name}_{sample}"
            yield sample
    yield f"{sample_name(path.name)}_{_digest(name)}"
