"""The permissions of a role in template.yaml, for buckets that a test created itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.testing import allow, assume_role, make_role
from tests.support.aws.template import evaluate, resources_of_type

if TYPE_CHECKING:
    import boto3

    from local.embedded import EmbeddedAws


def assume_template_role(
    aws: EmbeddedAws, role: str, buckets: dict[str, str], key: str = "", without: str = ""
) -> boto3.Session:
    """Return a session with the role's permissions for buckets, given by logical name, and for the KMS key `key`.

    The action `without` is left out.
    """
    statements = []
    for policy in resources_of_type("AWS::IAM::Role")[role]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = [action for action in _as_list(evaluate(statement["Action"])) if action != without]
            arns = [_replace(target, buckets) for target in _as_list(evaluate(statement["Resource"]))]
            if any(arns):
                statements.append(allow(actions, [arn for arn in arns if arn]))
            elif key and "kms:Decrypt" in actions:
                statements.append(allow(actions, key))
    return assume_role(aws, make_role(aws, *statements))


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _replace(target: str, buckets: dict[str, str]) -> str:
    """Return the ARN of the test's bucket, or of its objects; "" for the ARN of anything else."""
    name, slash, rest = target.rsplit(":", 1)[-1].partition("/")
    return f"arn:aws:s3:::{buckets[name]}{slash}{rest}" if name in buckets and ":s3:" in target else ""
