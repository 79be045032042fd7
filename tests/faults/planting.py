"""Plant deliberate bugs in the code, and remove them again."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

from seqdrop.stages.reconcile import reconcile
from seqdrop.stages.reconcile.housekeeping import HOUSEKEEPING

if TYPE_CHECKING:
    from collections.abc import Callable

Change = tuple[object, str, object]  # the object to patch, the name of its attribute, and the replacement


@dataclass(frozen=True)
class Bug:
    """A deliberate bug. `quick` means that a few schedules are enough to find it."""

    name: str
    changes: Callable[[], list[Change]]
    quick: bool = False

    @contextmanager
    def planted(self):
        """Run the block with the bug in the code."""
        with ExitStack() as stack:
            for target, name, replacement in self.changes():
                if isinstance(target, dict):
                    patch = mock.patch.dict(target, replacement, clear=True)
                else:
                    patch = mock.patch.object(target, name, replacement)
                stack.enter_context(patch)
            yield


def make_registry(bugs: list[Bug]) -> Callable:
    """Return a decorator that adds a bug to this list."""

    def bug(name: str, quick: bool = False) -> Callable:
        def add(changes: Callable[[], list[Change]]) -> Callable:
            bugs.append(Bug(name, changes, quick))
            return changes

        return add

    return bug


def write_unconditionally(write: Callable) -> Callable:
    """Return a function that makes the same write as `write`, but without its condition."""

    def without_condition(self, *args, **kwargs) -> dict:
        put = write(self, *args, **kwargs)["Put"]
        return {"Put": {"TableName": put["TableName"], "Item": put["Item"]}}

    return without_condition


def skip_check(name: str) -> Callable[[], list[Change]]:
    """Return a function that returns the change which removes a check from the reconciler."""
    checks = reconcile.CHECKS if name in reconcile.CHECKS else HOUSEKEEPING
    return lambda: [(checks, "", {key: check for key, check in checks.items() if key != name})]
