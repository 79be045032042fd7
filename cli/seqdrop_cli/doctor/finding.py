"""The result of one check, and how checks are run so that one that fails does not hide the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws.errors import code_of, is_denied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seqdrop_cli.doctor.stack import Stack

OK, NOTE, WARNING, FAILED, UNKNOWN = STATUSES = ("ok", "note", "warning", "failed", "unknown")
# Errors of a service that does not exist in the region, or in the embedded AWS.
ABSENT = frozenset({"InvalidAction", "UnknownOperationException", "NotImplemented", "UnsupportedOperation", "400"})


@dataclass(frozen=True)
class Finding:
    """What a check says. `check` names its subject, `text` is a sentence, and `advice` says what to do; "" if nothing.

    The status `unknown` means that the credentials, or the service, do not permit the check.
    """

    check: str
    status: str
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Check:
    """A check of a stack: its name, and the function that makes it."""

    name: str
    make: Callable[[Stack], Iterable[Finding]]


def run_checks(checks: Iterable[Check], stack: Stack) -> Iterator[Finding]:
    """Yield the findings of checks. An error of AWS is a finding as well."""
    for check in checks:
        try:
            yield from check.make(stack)
        except (ClientError, BotoCoreError) as error:
            yield explain_error(check.name, error)


def explain_error(name: str, error: ClientError | BotoCoreError) -> Finding:
    """Return the finding of a check that could not be made."""
    if isinstance(error, ClientError) and is_denied(error):
        operation = error.operation_name
        return Finding(name, UNKNOWN, f"your credentials do not permit {operation}", f"ask for that permission: {name}")
    if isinstance(error, ClientError) and code_of(error) in ABSENT:
        return Finding(name, UNKNOWN, f"{error.operation_name} does not exist in this AWS")
    return Finding(name, UNKNOWN, f"it could not be checked: {error}", "run `seqdrop doctor` again later")


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Return True if no check failed. Warnings and unknown results do not count."""
    return all(finding.status != FAILED for finding in findings)
