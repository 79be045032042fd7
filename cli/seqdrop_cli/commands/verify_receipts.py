"""`seqdrop verify-receipts`: find receipts and manifests that are missing, altered, inserted or exchanged."""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import is_terminal, note, paint, say
from seqdrop_cli.errors import UsageError
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from seqdrop.archive.chain import Finding, Verdict

    from seqdrop_cli.receipt_evidence import Heads

TEXT = """\
Verify the proofs of archived files. Each day, one manifest lists the SHA-256 of the new receipts and tombstones, and
that of the manifest before it. This command reads all of them and names each that is missing, altered, inserted or
exchanged with another. It changes nothing.

The last manifest is proven by a head that is kept outside the results bucket: the one in the ledger is always compared,
the signed one if the stack has SignReceipts, and that of a mail if you give it with --head.

The exit status is 0 if everything is proven, and 1 otherwise.
"""
EXAMPLES = (
    Example("seqdrop verify-receipts", "the whole chain"),
    Example("seqdrop verify-receipts --head 2026-02-01:HASH", "with the head of a mail"),
    Example("seqdrop verify-receipts --since 2026-01-01 --json", "the manifests of this year, for a program"),
)
HEAD = re.compile(r"(?:\d{4}-\d{2}-\d{2}(?:_\d{4,})?:)?[0-9a-fA-F]{64}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop verify-receipts`."""

    heads: list[str]
    since: str | None
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--head",
        dest="heads",
        action="append",
        default=[],
        metavar="HASH",
        help="a head from a mail, such as 2026-02-01:HASH or the SHA-256 alone; may be repeated (default: none)",
    )
    text = "only manifests of this day or later, such as 2026-01-01, and what they list (default: all)"
    parser.add_argument("--since", metavar="DATE", type=_date, help=text)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON (default: lines for people)")
    add_stack(parser)


def run(options: Options) -> int:
    """Verify the receipts; return the exit status."""
    from seqdrop.archive.chain import verify

    from seqdrop_cli.receipt_evidence import Heads, read_evidence
    from seqdrop_cli.target import find_target

    target, heads = find_target(options), Heads()
    for head in options.heads:
        heads.add(_check_head(head))
    verdict = verify(read_evidence(target, heads, options.since or "", _show_progress))
    is_sound = verdict.is_sound and not heads.problems
    if options.json:
        content = asdict(verdict) | {"sound": is_sound, "problems": heads.problems, "heads": heads.by_key}
        say(json.dumps(content, indent=2))
    else:
        _print(verdict, heads, target.results)
    return 0 if is_sound else 1


def _check_head(text: str) -> str:
    if not HEAD.fullmatch(text):
        raise UsageError(f"{text!r} is not a head; write it as the mail has it: a day, a colon, and 64 digits")
    return text


def _date(text: str) -> str:
    if not DATE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write 2026-03-01")
    return text


def _show_progress(done: int, count: int) -> None:
    if is_terminal(sys.stderr):
        print(f"\rread {done:,} of {count:,} objects ", end="\n" if done == count else "", file=sys.stderr, flush=True)


def _print(verdict: Verdict, heads: Heads, bucket: str) -> None:
    for finding in verdict.findings:
        say(f"{paint(finding.fault, 'red')}  {finding.key}{_explain(finding)}")
        say(f"  {_advise(finding, bucket)}")
    for digest in verdict.lost_hashes:
        say(f"{paint('missing', 'red')}  no manifest has the SHA-256 {digest}")
        say("  The manifest of that mail, and all after it, were removed or altered. The mail names its day.")
    for problem in heads.problems:
        say(f"{paint('signature', 'red')}  {problem}")
    if verdict.unproven:
        note(f"{len(verdict.unproven):,} objects cannot be judged before the manifests above are restored.")
    if not verdict.manifests and not verdict.findings:
        note("There is no manifest yet: the first is written after midnight UTC, when a file was archived.")
    count = len(verdict.findings) + len(verdict.lost_hashes) + len(heads.problems)
    outcome = "nothing is wrong" if not count else "1 fault" if count == 1 else f"{count} faults"
    waiting = f", {verdict.pending:,} not listed yet" if verdict.pending else ""
    proven = f"{verdict.manifests:,} manifests and {verdict.objects:,} receipts and tombstones are proven"
    say(f"{proven}{waiting}: {outcome}.")


def _explain(finding: Finding) -> str:
    return f" has the bytes of {finding.other}" if finding.other else ""


def _advise(finding: Finding, bucket: str) -> str:
    """Return what a person can do about a fault."""
    if finding.fault == "inserted":
        return "No manifest of the chain lists it. Seqdrop did not write it: find out who did (CloudTrail)."
    if finding.version_id:
        return (
            "To get the version that the chain lists: aws s3api get-object --bucket "
            f"{bucket} --key {finding.key} --version-id {finding.version_id} FILE"
        )
    return f"Look for the true version: aws s3api list-object-versions --bucket {bucket} --prefix {finding.key}"


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
