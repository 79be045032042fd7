"""Which tests share a worker of pytest-xdist."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

# End-to-end tests that do not use the first stack: the demo makes its own, and with a second stack two workers share
# what is left.
STACKS = {"test_demo.py": "demo", "test_killed.py": "stack 2", "test_masked.py": "stack 2", "test_replay.py": "stack 2"}


class Together(LoadScopeScheduling):
    """Tests of one deployed stack, of the demo and of one file of contracts run on one worker, in order.

    All other tests go to whichever worker is free. (`--dist loadgroup` is meant for this; xdist 3.8.0 writes a group
    where pytest 9.2 does not read it.)
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        _, folder, *names = path.split("/")
        if folder == "e2e":
            return STACKS.get(names[-1], "stack")
        return path if folder == "contract" else nodeid
