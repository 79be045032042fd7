"""Quotations in the documentation agree with the code: mails, alarms, prices, policies, parameters, the tutorial."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from seqdrop.stages.reconcile.reconcile import reconcile, select_published

from benchmarks import cost, runs
from tests.support.aws.account import Account
from tests.support.services import direct_services
from tests.unit.docs import mails, tutorial
from tests.unit.docs.pages import REPOSITORY, SPAN, find_fences, read

DOCS = REPOSITORY / "docs"
SEQDROP = Path(sys.executable).with_name("seqdrop")
PLACEHOLDERS = ("LANDING-BUCKET", "RESULTS-BUCKET", "MODELS-BUCKET", "WORK-BUCKET", "ARCHIVE-BUCKET")
# Actions that people need and no role of the template has.
ACTIONS_OF_PEOPLE = {
    "s3:ListMultipartUploadParts",
    "cloudformation:DescribeStacks",
    "cloudformation:DescribeStackResource",
    "cloudformation:ListStackResources",
    "lambda:GetFunctionConfiguration",
}


@pytest.mark.parametrize("name", mails.MAILS)
def test_a_quoted_mail_is_the_mail_that_the_code_sends(name):
    """If it fails: python -m tests.unit.docs.mails."""
    quoted = dict(mails.BLOCK.findall(read(mails.PAGE)))
    assert quoted[name] == mails.render(name)


def test_the_page_lists_the_subject_of_every_mail():
    section = read(mails.PAGE).partition("## Mails")[2].partition("## Alarms")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == mails.read_subjects()


def test_the_page_of_costs_counts_the_metrics_of_the_reconciler():
    """Each that is published at every run is billed every month."""
    count = len(select_published(reconcile(direct_services(Account()))))
    assert f"| CloudWatch: metrics of reconcile | {count} |" in read(DOCS / "cost.md")
    assert f"publishes {count} metrics at every run" in " ".join(read(DOCS / "cost.md").split())


@pytest.mark.parametrize("script", [cost, runs], ids=["cost.py", "runs.py"])
def test_the_tables_of_costs_are_what_the_scripts_print(script):
    """If it fails: python benchmarks/cost.py and python benchmarks/runs.py --tables print the tables."""
    name = re.escape(f"benchmarks/{script.__name__.partition('.')[2]}.py")
    block = re.compile(rf"<!-- ([\w-]+): python {name} -->\n(.*?)\n<!-- end -->", re.DOTALL)
    assert dict(block.findall(read(DOCS / "cost.md"))) == script.tables()


def test_parameters_and_outputs_in_the_pages_are_those_of_the_template(template):
    """A name of several capitalised words in backticks is a parameter or an output."""
    known = {*template["Parameters"], *template["Outputs"]}
    for page in ("deploy.md", "several-labs.md", "limits.md", "cost.md", "own-model.md"):
        names = {span for span in SPAN.findall(read(DOCS / page)) if re.fullmatch(r"([A-Z][a-z]+){2,}", span)}
        assert names <= known, (page, names - known)


def test_the_analysis_of_the_tutorial_is_valid(tmp_path):
    """It is checked together with the shipped analyses, because two analyses cannot share a prefix."""
    (table,) = find_fences(read(DOCS / "own-analysis.md"), "toml")
    path = tmp_path / "analyses.toml"
    path.write_text((REPOSITORY / "analyses.toml").read_text() + "\n" + table)
    done = subprocess.run([SEQDROP, "config", "check", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def read_policies() -> list[dict]:
    """Return the IAM policies of docs/who-may-drop.md: for dropping, reading, operating and forgetting."""
    return [json.loads(block) for block in find_fences(read(DOCS / "who-may-drop.md"), "json")]


def as_list(value: str | list[str]) -> list[str]:
    """Return the value as a list: IAM accepts a single string in place of a list of one."""
    return [value] if isinstance(value, str) else value


def find_actions(template: dict) -> set[str]:
    """Return every IAM action that the template names, such as s3:GetObject."""
    text = json.dumps(template, default=str)
    return set(re.findall(r'"([a-z0-9]+:[A-Z]\w+)"', text))


def test_there_are_five_policies_in_the_grammar_of_iam():
    assert len(read_policies()) == 5
    for policy in read_policies():
        assert policy["Version"] == "2012-10-17"
        sids = [statement["Sid"] for statement in policy["Statement"]]
        assert len(set(sids)) == len(sids)
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            assert statement.keys() <= {"Sid", "Effect", "Action", "Resource", "Condition"}
            assert re.fullmatch(r"\w+", statement["Sid"])


def test_the_policies_use_actions_that_exist_and_no_wildcards(template):
    known = find_actions(template) | ACTIONS_OF_PEOPLE
    assert {
        action
        for policy in read_policies()
        for statement in policy["Statement"]
        for action in as_list(statement["Action"])
    } <= known


def test_the_policies_name_resources_of_the_stack_and_nothing_else():
    for policy in read_policies():
        for statement in policy["Statement"]:
            for resource in as_list(statement["Resource"]):
                assert re.fullmatch(r"KEY-ARN|arn:aws:s3:::[A-Z-]+(/[\w*/]+)?|arn:aws:\w+:REGION:ACCOUNT:\S+", resource)
                if resource.startswith("arn:aws:s3"):
                    assert resource.split(":::")[1].split("/")[0] in PLACEHOLDERS


def test_every_policy_may_use_the_key_and_only_the_first_may_drop():
    """All the stack's buckets are encrypted with its key."""
    dropping, reading, sharing, operating, forgetting = read_policies()
    for policy in (dropping, reading, sharing, operating, forgetting):
        key = [statement for statement in policy["Statement"] if statement["Resource"] == "KEY-ARN"]
        assert "kms:Decrypt" in as_list(key[0]["Action"])
    assert {"kms:GenerateDataKey", "kms:Decrypt"} <= set(dropping["Statement"][1]["Action"])
    for policy in (reading, operating, forgetting):
        assert not any("s3:PutObject" in as_list(statement["Action"]) for statement in policy["Statement"])
    written = [statement for statement in sharing["Statement"] if "s3:PutObject" in as_list(statement["Action"])]
    assert [statement["Resource"] for statement in written] == ["arn:aws:s3:::RESULTS-BUCKET/shares/*"]


def test_the_page_of_formats_lists_every_code_of_a_rejection():
    """tests/unit/reads compares the first table with `CODES`; other codes are in the second one."""
    package = REPOSITORY / "layers/seqdrop/seqdrop"
    codes = {code for path in package.rglob("*.py") for code in re.findall(r'\bFault\(\s*"(\w+)"', path.read_text())}
    assert "no_analysis" in codes
    assert codes <= set(SPAN.findall(read(DOCS / "formats.md")))


def test_the_deletion_page_names_the_resources_that_the_template_retains(template):
    resources = template["Resources"].items()
    retained = {name for name, resource in resources if resource.get("DeletionPolicy") == "RetainExceptOnCreate"}
    buckets = ("Landing", "Work", "Results", "Models", "Archive")
    jobs = {f"{kind}JobsLogs" for kind in ("Transform", "Training", "Processing")}
    assert retained == {"Key", "SigningKey", "Ledger", *jobs} | {
        f"{bucket}Bucket{suffix}" for bucket in buckets for suffix in ("", "Policy")
    }
    text = read(DOCS / "delete.md")
    assert all(f"`{output}`" in text for output in (*buckets, "Table", "Key", "SigningKey", "JobLogDays"))


@pytest.mark.long
def test_the_tutorial_prints_what_it_quotes(tmp_path):
    """If it fails: python -m tests.unit.docs.tutorial."""
    printed = tutorial.run(tmp_path)
    for block, quoted in zip(printed, tutorial.read_quoted(), strict=True):
        assert tutorial.VARIES.sub("…", block) == tutorial.VARIES.sub("…", quoted)
