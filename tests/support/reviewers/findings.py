"""What each reviewer of the template finds, as (rule, resource)."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from tests.support.reviewers.programs import find_guard, find_program, run
from tests.support.reviewers.resolved import KEYS, Resolved, as_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.reviewers.suppressions import Finding

# GovCloud is not among them: it has no AWS::Budgets::Budget, which docs/deploy.md says.
REGIONS = ("us-east-1", "eu-central-1", "cn-north-1")
GUARD_RULE = re.compile(r"\[(CT\.[A-Z0-9.]+)\]")
POLICIES = {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"}
POLICIES |= {"AWS::SNS::TopicPolicy"}
# Values of parameters with which every resource of the template is made.
EVERYTHING = {
    "AlertEmail": "lab@example.org",
    "MonthlyBudget": "100",
    "SignReceipts": "true",
    "Endpoints": "true",
    "Monitoring": "true",
    "Tracing": "true",
    "Catalogue": "true",
    "LakeFormation": "true",
    "Transfer": "true",
    "TransferBucket": "sequencing",
    "TransferFolder": "runs/",
    "Features": "true",
    "Workflows": "true",
    "Events": "true",
    "WebhookUrl": "https://lims.example.org/seqdrop",
    "WebhookSecret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:seqdrop-AbCdEf",
    "JobSubnets": "subnet-0123456789abcdef0",
    "JobSecurityGroups": "sg-0123456789abcdef0",
}
PARLIAMENT = """
import json, sys, warnings
warnings.simplefilter("ignore")
from parliament import analyze_policy_string
for resource, policy in json.load(sys.stdin):
    for finding in analyze_policy_string(json.dumps(policy), ignore_private_auditors=True).findings:
        print(finding.issue, resource)
"""


def review_by_cfn_lint(program: Path, template: Path, *options: str) -> set[Finding]:
    """Return cfn-lint's errors and warnings; those of no resource have the resource "template"."""
    command = [program, "--template", template, "--format", "json", "--regions", *REGIONS]
    report = json.loads(run([*command, *options], tuple(range(16))) or "[]")
    paths = [(match["Rule"]["Id"], match["Location"]["Path"] or []) for match in report]
    return {(rule, path[1] if path[:1] == ["Resources"] else "template") for rule, path in paths}


def review_by_checkov(template: Path) -> set[Finding]:
    """Return the checks of checkov that fail."""
    program = find_program("checkov", "checkov")
    options = ("--framework", "cloudformation", "--output", "json", "--compact", "--quiet", "--skip-download")
    report = json.loads(run([program, "--file", template, *options]))
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 200
    assert report["results"].get("skipped_checks", []) == []
    return {(check["check_id"], check["resource"].split(".")[-1]) for check in report["results"]["failed_checks"]}


def review_by_guard(template: Path, folder: Path) -> set[Finding]:
    """Return the rules of Control Tower that are not met, by cfn-guard."""
    program, rules = find_guard(folder)
    options = ("--structured", "--output-format", "json", "--show-summary", "none")
    (report,) = json.loads(run([program, "validate", "--data", template, "--rules", rules, *options], (0, 19)))
    assert len(report["compliant"]) >= 10
    return {finding for rule in report["not_compliant"] for finding in _guard_findings(rule)}


def _guard_findings(rule: dict[str, Any]) -> set[Finding]:
    text = json.dumps(rule)
    (name,) = set(GUARD_RULE.findall(text))
    return {(name, resource) for resource in re.findall(r'"path": "/Resources/(\w+)', text)}


def review_by_parliament(template: dict[str, Any]) -> set[Finding]:
    """Return parliament's findings in every policy of the template."""
    python = find_program("lint", "python")
    resolved = Resolved(template, EVERYTHING)
    policies = [(name, as_text(policy)) for name in resolved.names for policy in _policies(resolved.resource(name))]
    assert len(policies) > 30
    process = subprocess.run(
        [python, "-c", PARLIAMENT], input=json.dumps(policies), capture_output=True, text=True, check=True
    )
    return {tuple(line.split()) for line in process.stdout.splitlines()}


def _policies(resource: dict[str, Any]) -> list[dict[str, Any]]:
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::IAM::Role":
        return [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    if resource["Type"] == KEYS:
        return [properties["KeyPolicy"]]
    return [properties["PolicyDocument"]] if resource["Type"] in POLICIES else []
