"""Each deliberate bug changes code that exists: the long tests, which look for most of them, are run seldom."""

import importlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = sorted(".".join(path.relative_to(HERE).with_suffix("").parts) for path in HERE.rglob("*bugs.py"))
BUGS = [bug for name in MODULES for bug in importlib.import_module(f"tests.faults.{name}").BUGS]


def test_the_bugs_of_all_families_are_read():
    assert {"bugs", "copies_bugs", "forget.bugs"} <= set(MODULES)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_can_be_planted(bug):
    with bug.planted():
        pass
