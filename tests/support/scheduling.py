"""The assignment of tests to workers of pytest-xdist."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# End-to-end tests that do not use the stack of the others: the demo deploys its own.
STACKS = {"test_demo.py": "demo"}


class StackScheduling(LoadScopeScheduling):
    """A scheduler that runs the tests of one stack, of the demo, or of one contract file on one worker, in order.

    All other tests go to any free worker. (`--dist loadgroup` is intended for this, but xdist 3.8.0 writes the group to
    a place that pytest 9.2 does not read.)
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        _, folder, *names = path.split("/")
        if folder == "e2e":
            return STACKS.get(names[-1], "stack")
        return path if folder == "contract" else nodeid
