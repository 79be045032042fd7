"""The catalogue of a stack for people: its five questions, its gene lists, and the backfill of its rows."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.runtime.events import derivable_of

from seqdrop_cli.athena import Answer, ask, find_query, quote
from seqdrop_cli.console import note, print_table, say
from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mypy_boto3_s3.client import S3Client
    from seqdrop.runtime.events import Derivable

    from seqdrop_cli.target import Target

QUEUE = "CatalogueQueue"  # in template.yaml
USD_PER_TB, LEAST_BYTES = 5.0, 10_000_000  # Athena's list price in us-east-1, and what it bills at least for a query
BATCH = 10  # messages of one request
EVERY = 1000  # messages between two lines about progress
FORMATS = ("table", "csv", "json")
SIX = 6  # columns of BED


@dataclass(frozen=True)
class Question:
    """One of the lab's questions: what it asks, and its parameter ("run", "distance" or none)."""

    text: str
    parameter: str = ""


QUESTIONS = {
    "failed": Question("which samples of a run failed and why", "run"),
    "yield": Question("yield by instrument and month"),
    "promoters": Question("calls near the genes of the lab's lists", "distance"),
    "archive": Question("what is archived and what it costs"),
    "models": Question("which model made what"),
}
"""By the name of the saved query in stacks/catalogue.yaml."""


def answer(target: Target, name: str, run: str, distance: int) -> Answer:
    """Return the answer to a question. Raise CommandError if the stack has no catalogue."""
    _require_queue(target)
    athena = target.client("athena")
    parameters = {"run": [quote(run)], "distance": [str(distance)], "": []}[QUESTIONS[name].parameter]
    return ask(athena, target.stack, find_query(athena, target.stack, name), parameters)


def show(reply: Answer, form: str) -> None:
    """Print an answer in a form of FORMATS, and what it cost to standard error."""
    if form == "json":
        say(json.dumps([dict(zip(reply.columns, row, strict=True)) for row in reply.rows], indent=2))
    elif form == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([reply.columns, *reply.rows])
        sys.stdout.write(text.getvalue())
    else:
        print_table(reply.columns, [["" if cell is None else str(cell) for cell in row] for row in reply.rows])
    usd = max(reply.scanned, LEAST_BYTES) / 1e12 * USD_PER_TB
    note(f"{len(reply.rows)} rows; the query read {reply.scanned:,} bytes, about {usd:.5f} US dollars")


def _require_queue(target: Target) -> str:
    if url := target.queues().get(QUEUE):
        return url
    raise CommandError(f"the stack {target.stack} derives nothing: deploy it with Catalogue=true or Features=true")


def backfill(target: Target) -> int:
    """Have the rows of every upload and run derived anew; return their number.

    Each is a message to the function, which reads the facts. It can be repeated and interrupted at any time.
    """
    url, sqs = _require_queue(target), target.client("sqs")
    subjects = find_derivable(target.client("s3"), target.results)
    for start in range(0, len(subjects), BATCH):
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(subject.message())}
            for number, subject in enumerate(subjects[start : start + BATCH])
        ]
        if failed := sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed"):  # type: ignore[arg-type]
            raise CommandError(f"SQS did not accept {len(failed)} messages: {failed[0]['Code']}; repeat the command")
        sent = start + len(entries)
        if sent % EVERY == 0 or sent == len(subjects):
            note(f"{sent:,} of {len(subjects):,} sent")
    return len(subjects)


def find_derivable(s3: S3Client, bucket: str) -> list[Derivable]:
    """Return each upload and each run that the results bucket holds facts about, once."""
    subjects: dict[Derivable, None] = {}
    for prefix in keys.FACTS:
        for key in _list_keys(s3, bucket, prefix):
            if about := derivable_of(key):
                subjects[about] = None
        note(f"{prefix}: {len(subjects):,} uploads and runs so far")
    return list(subjects)


def _list_keys(s3: S3Client, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (entry["Key"] for entry in page.get("Contents", []))


def put_genes(target: Target, path: Path) -> int:
    """Upload a gene list, a BED file; a list of the same name is replaced. Return the number of genes.

    Raise CommandError for a line that is no gene.
    """
    _require_queue(target)
    with path.open(encoding="utf-8") as lines:
        genes = list(read_genes(lines, path.name))
    body = "".join("\t".join(gene) + "\n" for gene in genes)
    target.client("s3").put_object(
        Bucket=target.results,
        Key=keys.gene_list(path.name),
        Body=body.encode(),
        ContentType="text/plain; charset=utf-8",
    )
    return len(genes)


def read_genes(lines: Iterable[str], name: str) -> Iterator[list[str]]:
    """Yield the six columns of each line of a BED with names; columns that a line lacks are `.`."""
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        fields = line.rstrip("\r\n").split("\t")[:SIX]
        if len(fields) < 4 or not (fields[1].isdecimal() and fields[2].isdecimal() and int(fields[1]) < int(fields[2])):
            raise CommandError(
                f"line {number} of {name} is no gene: it needs chrom, start, end and name, separated by tabs, with a "
                "start (from 0) before the end"
            )
        yield fields + ["."] * (SIX - len(fields))
