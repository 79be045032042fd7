"""`seqdrop doctor`: whether a deployed stack can do its work."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import paint, say
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from seqdrop_cli.doctor.finding import Check, Finding

TEXT = """\
Check whether a stack can do its work: functions, events, mails, alarms, dead letters, models and the code of jobs,
quotas of the account, the key, the buckets, and the images of jobs. At last, one small file goes through raw/: the
first one is archived (0.0003 US dollars), and later ones end as duplicates of it.

Each line has the subject, its status, and what was found; below it is what to do. The status is "ok"; "note" and
"warning", with which files are still processed; "failed"; or "unknown", if your credentials or this AWS do not permit
the check.

The exit status is 1 if a check failed, else 0. Nothing is changed, apart from the small file.
"""
EXAMPLES = (
    Example("seqdrop doctor --stack seqdrop", "after a deploy, and when something seems wrong"),
    Example("seqdrop doctor --stack seqdrop --no-canary", "drop no file"),
    Example("seqdrop doctor --stack seqdrop --json | jq -r 'select(.status == \"failed\").text'", "for monitoring"),
)
COLOURS = {"ok": "green", "note": "dim", "warning": "yellow", "failed": "red", "unknown": "dim"}
WIDTH = 18  # of the column of subjects


@dataclass(frozen=True)
class Options(StackOptions):
    """Arguments of `seqdrop doctor`."""

    canary: bool
    json: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--no-canary", dest="canary", action="store_false", help="do not drop a file")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each finding")
    add_stack(parser)


def run(options: Options) -> int:
    """Print each finding when it is known; return 1 if a check failed."""
    from seqdrop_cli.doctor.finding import is_healthy, run_checks
    from seqdrop_cli.doctor.stack import Stack
    from seqdrop_cli.target import find_target

    findings = []
    for finding in run_checks(list_checks(canary=options.canary), Stack(find_target(options))):
        findings.append(finding)
        _print(finding, as_json=options.json)
    return 0 if is_healthy(findings) else 1


def list_checks(*, canary: bool) -> Iterator[Check]:
    """Yield the checks in the order in which they are made: what the others need comes first."""
    from seqdrop_cli.doctor import access, deployment, models, quotas, transfer
    from seqdrop_cli.doctor import canary as dropped
    from seqdrop_cli.doctor.finding import Check

    yield Check(deployment.FUNCTIONS, deployment.check_functions)
    yield Check(access.KEY, access.check_key)
    yield Check(access.BUCKETS, access.check_buckets)
    yield Check(access.LEDGER, access.check_ledger)
    yield Check(deployment.EVENTS, deployment.check_events)
    yield Check(deployment.MAILS, deployment.check_mails)
    yield Check(deployment.ALARMS, deployment.check_alarms)
    yield Check(deployment.DEAD_LETTERS, deployment.check_dead_letters)
    yield Check(transfer.TRANSFER, transfer.check_transfer)
    yield Check(models.MODELS, models.check_models)
    yield Check(models.CODE, models.check_code)
    yield Check(access.IMAGES, access.check_images)
    yield Check(quotas.CONCURRENCY, quotas.check_concurrency)
    yield Check(quotas.INSTANCES, quotas.check_instances)
    if canary:
        yield Check(dropped.CANARY, dropped.check_canary)


def _print(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        import json

        say(json.dumps(asdict(finding), ensure_ascii=False))
        return
    say(f"{finding.check:<{WIDTH}} {paint(f'{finding.status:<8}', COLOURS[finding.status])} {finding.text}")
    if finding.advice:
        say(f"{'':<{WIDTH}} {'':<8} → {finding.advice}")


COMMAND = Command(Options, add_arguments, run, TEXT, EXAMPLES)
