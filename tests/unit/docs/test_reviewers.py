"""The table of reviewers in docs/security.md names the versions that `make reviewers` installs."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.docs.pages import REPOSITORY, read

PINS = REPOSITORY / "tests/support/reviewers/pins"
PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
ROW = re.compile(r"^\| ([\w-]+)[^|]*\| ([\d.]+) \|", re.MULTILINE)
# Packages under the names of the tools in them; those that are no reviewers are not in the table.
TOOLS = {"cdklabs.cdk-validator-cfnguard": "cfn-guard", "@cloud-copilot/iam-simulate": "iam-simulate"}
OTHERS = {"setuptools", "cfn-lint-serverless", "localemu", "html5lib", "webencodings", "six"}


@pytest.fixture(scope="module")
def pins():
    pins = dict(pin for path in PINS.glob("*.txt") for pin in PIN.findall(path.read_text()))
    simulator = "@cloud-copilot/iam-simulate"
    pins[simulator] = json.loads((PINS / "iam-simulate/package.json").read_text())["dependencies"][simulator]
    return {TOOLS.get(name, name): version for name, version in pins.items() if name not in OTHERS}


def test_the_table_of_reviewers_names_the_pinned_versions(pins):
    (section,) = re.findall(r"## Reviewers\n(.*?)\n## ", read("docs/security.md"), re.DOTALL)
    assert dict(ROW.findall(section)) == pins
