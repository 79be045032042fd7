"""Each deliberate bug changes code that exists: the long tests, which look for most of them, are run seldom."""

import importlib

import pytest

FAMILIES = (
    "bugs",
    "copies_bugs",
    "large_bugs",
    *(f"{name}.bugs" for name in ("bundle", "forget", "resent", "restore", "runs", "sets")),
)
BUGS = [bug for name in FAMILIES for bug in importlib.import_module(f"tests.faults.{name}").BUGS]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted(bug):
    with bug.planted():
        pass
