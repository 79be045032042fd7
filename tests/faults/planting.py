"""How a deliberate bug is planted in the code, and taken out again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from seqdrop.stages.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Callable

Change = tuple[object, str, object]  # where, which name, what it is instead


@dataclass(frozen=True)
class Bug:
    """`quick` ones show within a few schedules."""

    name: str
    changes: Callable[[], list[Change]]
    quick: bool = False

    @contextmanager
    def made(self):
        with ExitStack() as stack:
            for where, name, instead in self.changes():
                patch = mock.patch.dict if isinstance(where, dict) else mock.patch.object
                made = patch(where, instead, clear=True) if isinstance(where, dict) else patch(where, name, instead)
                stack.enter_context(made)
            yield


def registry(bugs: list[Bug]) -> Callable:
    """What adds a bug to that list."""

    def bug(name: str, quick: bool = False) -> Callable:
        def add(changes: Callable[[], list[Change]]) -> Callable:
            bugs.append(Bug(name, changes, quick))
            return changes

        return add

    return bug


def unconditional(write: Callable) -> Callable:
    """The same write, whatever stands there."""

    def without(self, *given, **named) -> dict:
        put = write(self, *given, **named)["Put"]
        return {"Put": {"TableName": put["TableName"], "Item": put["Item"]}}

    return without


def blind(name: str) -> Callable[[], list[Change]]:
    """The change by which the reconciler does not take that look."""
    return lambda: [(reconcile.LOOKS, "", {key: look for key, look in reconcile.LOOKS.items() if key != name})]
