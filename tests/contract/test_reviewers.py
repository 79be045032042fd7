"""Independent reviewers of the template and of the code: each finding is mended, or has its reason beside it.

A suppression that no longer applies fails as well. docs/security.md lists the tools and what is suppressed.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_dump, yaml_parse

from tests.support.reviewers.findings import (
    EVERYTHING,
    review_by_cfn_lint,
    review_by_checkov,
    review_by_guard,
    review_by_parliament,
)
from tests.support.reviewers.programs import find_program, run
from tests.support.reviewers.suppressions import SHORTEST_REASON, find_nosec, find_skips, without_skips
from tools.transformed_template import transform

pytestmark = pytest.mark.long
CODE = ("layers/seqdrop/seqdrop", "functions", "cli", "model_code", "local", "tools", "benchmarks")


@pytest.fixture(scope="module")
def template():
    return transform()


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a template without the suppressions of a reviewer, and returns its path."""

    def write_template(template: dict, reviewer: str):
        path = tmp_path / "template.json"
        path.write_text(json.dumps(without_skips(template, reviewer), indent=1, default=str))
        return path

    return write_template


def compare(findings: set, reasons: dict) -> None:
    unexplained = findings - set(reasons)
    assert not unexplained, f"findings without a reason: {sorted(unexplained)}"
    stale = set(reasons) - findings
    assert not stale, f"suppressions that no longer apply: {sorted(stale)}"
    assert [rule for rule, reason in reasons.items() if len(reason) < SHORTEST_REASON] == []


def test_checkov_finds_what_the_template_explains(template, write):
    """checkov leaves out resources whose condition is false by the defaults of the parameters."""
    parameters = {
        name: body | {"Default": EVERYTHING.get(name, body.get("Default"))}
        for name, body in template["Parameters"].items()
    }
    complete = template | {"Parameters": parameters}
    compare(review_by_checkov(write(complete, "checkov")), find_skips(template, "checkov"))


def test_the_rules_of_control_tower_are_met_or_explained(template, write, tmp_path):
    compare(review_by_guard(write(template, "guard"), tmp_path / "guard"), find_skips(template, "guard"))


def test_parliament_finds_what_the_template_explains(template):
    compare(review_by_parliament(template), find_skips(template, "parliament"))


def test_the_newest_cfn_lint_finds_nothing_in_the_deployed_template(template, write):
    assert review_by_cfn_lint(find_program("lint", "cfn-lint"), write(template, "cfn-lint")) == set()


def test_cfn_lint_finds_what_the_template_says_to_ignore(repository, tmp_path):
    """The version of `make lint` finds all of it. The newest no longer looks for everything, and finds nothing else."""
    written = yaml_parse((repository / "template.yaml").read_text())
    path = tmp_path / "template.yaml"
    path.write_text(yaml_dump(without_skips(written, "cfn-lint")))
    ignored = {
        (rule, name)
        for name, body in written["Resources"].items()
        for rule in body.get("Metadata", {}).get("cfn-lint", {}).get("config", {}).get("ignore_checks", [])
    }
    everywhere = set(written["Metadata"]["cfn-lint"]["config"]["ignore_checks"])
    rules = ("--append-rules", "cfn_lint_serverless.rules")
    findings = review_by_cfn_lint(Path(sys.executable).with_name("cfn-lint"), path, *rules)
    assert {finding for finding in findings if finding[0] not in everywhere} == ignored
    assert everywhere <= {rule for rule, _ in findings}
    assert review_by_cfn_lint(find_program("lint", "cfn-lint"), path, *rules) <= findings


def test_each_rule_of_cfn_lint_that_is_ignored_has_a_comment_above_or_beside_it(repository):
    lines = (repository / "template.yaml").read_text().splitlines()
    ignoring = [number for number, line in enumerate(lines) if "ignore_checks:" in line]
    assert ignoring
    assert [number + 1 for number in ignoring if "#" not in "".join(lines[number - 1 : number + 1])] == []


def test_bandit_finds_what_the_code_explains(repository):
    program = find_program("lint", "bandit")
    files = [path for folder in CODE for path in (repository / folder).rglob("*.py")]
    report = json.loads(run([program, "--quiet", "--ignore-nosec", "--format", "json", "--recursive", *CODE]))
    assert report["errors"] == []
    skipped = set(tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["bandit"]["skips"])
    findings = report["results"]
    assert skipped <= {finding["test_id"] for finding in findings}, "a rule that is skipped finds nothing"
    reasons = find_nosec(files, repository)
    open_findings = [finding for finding in findings if finding["test_id"] not in skipped]
    explained = {
        key: reason for finding in open_findings if (key := locate(finding, reasons)) and (reason := reasons[key])
    }
    unexplained = [finding for finding in open_findings if locate(finding, reasons) is None]
    assert [(finding["test_id"], finding["filename"], finding["line_number"]) for finding in unexplained] == []
    compare(set(explained), reasons)


def locate(finding: dict, reasons: dict):
    """Return the comment on a line of the finding, or None."""
    keys = [(finding["test_id"], finding["filename"], line) for line in finding["line_range"]]
    return next((key for key in keys if key in reasons), None)
