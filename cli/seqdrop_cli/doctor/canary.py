"""A canary: one small file that goes through the whole pipeline. Its bytes and its key are always the same.

The first canary is archived, which costs 0.0003 US dollars. Each later one repeats it, so the pipeline removes it as a
duplicate after it has validated it, and nothing is archived twice.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seqdrop.config.analysis import READ_FORMATS
from seqdrop.kinds.plans import packaged

from seqdrop_cli.console import show_status
from seqdrop_cli.doctor.finding import FAILED, NOTE, OK, Finding
from seqdrop_cli.landing import Drop, upload_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Upload

    from seqdrop_cli.doctor.stack import Stack

CANARY = "canary"
NAME = "seqdrop-doctor/canary.fastq"
RECORD = "@seqdrop-doctor\n{bases}\n+\n{qualities}\n"
BASES = "ACGTACGTTGCATGCA" * 4
PATIENCE = 600.0  # seconds, which covers the interval of the reconciler
PAUSE = 2.0  # seconds between two looks
GOOD = ("ARCHIVED", "DUPLICATE")
ENDED = (*GOOD, "REJECTED", "WITHDRAWN")


def check_canary(stack: Stack) -> Iterator[Finding]:
    """Drop the canary, wait until it is archived, and yield what became of it."""
    analysis = find_analysis()
    if analysis is None:
        yield Finding(CANARY, NOTE, "no analysis archives FASTQ without a model, so no canary was dropped")
        return
    key = analysis.prefix + NAME
    version = _drop(stack, key)
    start = time.monotonic()
    with show_status("waiting for the small file"):
        upload = _wait(stack, version, start + PATIENCE)
    seconds = time.monotonic() - start
    if upload and upload.state in GOOD:
        yield Finding(CANARY, OK, f"{key} was validated, and is {upload.state} after {seconds:.0f} s")
        return
    state = upload.state if upload else "not in the ledger"
    advice = "right after a deploy, events begin after five minutes; else `seqdrop redrive` and the logs show the cause"
    yield Finding(CANARY, FAILED, f"{key} is {state} after {seconds:.0f} s", advice)


def find_analysis() -> Analysis | None:
    """Return the analysis below whose prefix the canary is dropped: it takes FASTQ, and has no model, gate or mates."""
    usable = [
        it
        for it in packaged().by_name.values()
        if "fastq" in it.formats and set(it.formats) <= set(READ_FORMATS) and not it.has_attempts and not it.gate
    ]
    return usable[0] if usable else None


def _drop(stack: Stack, key: str) -> str:
    """Upload the canary; return its upload id."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "canary.fastq"
        path.write_text(RECORD.format(bases=BASES, qualities="I" * len(BASES)))
        return upload_file(stack.target.client("s3"), stack.target.landing, Drop(path, key)).id


def _wait(stack: Stack, upload_id: str, deadline: float) -> Upload | None:
    """Return the record of an upload once it is in a final state, or at the deadline."""
    ledger = stack.target.ledger()
    while True:
        upload = ledger.find_upload(upload_id)
        if (upload and upload.state in ENDED) or time.monotonic() > deadline:
            return upload
        time.sleep(PAUSE)
