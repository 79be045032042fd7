"""Produce the mails that docs/first-day.md quotes by running the real stages.

After a change of a mail's text, run `python -m tests.unit.docs.mails`: it updates the page. `read_subjects` returns the
subjects of all mails, which the page lists in a table.
"""

from __future__ import annotations

import ast
import gzip
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.services import direct_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.runtime.services import Services

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = REPOSITORY / "docs/first-day.md"
STAGES = REPOSITORY / "layers/seqdrop/seqdrop/stages"
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
RECORD = b"@r%d\n" + b"ACGT" * 30 + b"\n+\n" + b"IIII" * 30 + b"\n"
READS = b"".join(RECORD % number for number in range(100))
BLOCK = re.compile(r"<!-- mail: (\w+) -->\n```\n(.*?)```\n", re.DOTALL)


def drop(services: Services, key: str, body: bytes) -> UploadVersion:
    """Put an object into the landing bucket and validate it."""
    result = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    version = UploadVersion("landing", key, result["VersionId"], len(body), result["ETag"].strip('"'))
    validate(services, version)
    return version


def reject_a_file(services: Services) -> None:
    """Drop a file that was cut short."""
    drop(services, "raw/run7/S1_R1.fastq.gz", gzip.compress(READS, mtime=0)[:-20])


def fail_an_attempt(services: Services) -> None:
    """Fail the attempt of a valid file."""
    version = drop(services, "reads/run7/S1.fastq.gz", gzip.compress(READS, mtime=0))
    attempt = services.ledger.attempts(version.id)[0]
    fail_attempt(services, attempt, "ClientError: the model's container failed to start")


def let_a_mate_wait(services: Services) -> None:
    """Let a mate wait for more than a day."""
    drop(services, "reads/run7/S1_R1.fastq.gz", gzip.compress(READS, mtime=0))
    with mock.patch("seqdrop.clock.utc_now", return_value=START + timedelta(hours=25)):
        reconcile(services)


MAILS = {"rejected": reject_a_file, "no_predictions": fail_an_attempt, "waits": let_a_mate_wait}


def render(name: str) -> str:
    """Return a mail of MAILS in the form in which the page quotes it: subject, blank line, text."""
    account = Account()
    with mock.patch("seqdrop.clock.utc_now", return_value=START):
        MAILS[name](direct_services(account))
    (mail,) = [body for queue, body in account.sent if queue == "topic"]
    text = mail["Message"].replace("s3://results/", "s3://RESULTS-BUCKET/")
    return f"Subject: {mail['Subject']}\n\n{text.rstrip()}\n"


def read_subjects() -> set[str]:
    """Return the subject of each mail in the source of the stages, with … in place of values."""
    return {text for path in sorted(STAGES.rglob("*.py")) for text in _subjects(ast.parse(path.read_text()))}


def _subjects(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        is_sent = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify"
        is_kept = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Mail"
        # What a record keeps until it is sent (stages/serve/mails.py) has its subject where the mail is made.
        if (is_sent or is_kept) and (text := _text(node.args[0])) != "…":
            yield text


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return re.sub("…+", "…", "".join(_text(value) for value in values))
        case ast.BinOp(left=left):
            return _text(left)
    return "…"


def main() -> None:
    """Replace the quoted mails of the page by those that the code sends now."""
    page = PAGE.read_text()
    PAGE.write_text(BLOCK.sub(lambda block: f"<!-- mail: {block[1]} -->\n```\n{render(block[1])}```\n", page))


if __name__ == "__main__":
    main()
