"""Execution roles: SageMaker assumes them, and what it then reads and writes is theirs to allow."""

import hashlib
import json
import secrets
import time

from botocore.config import Config
from ministack.services import iam, sts

from local.clients import EmbeddedSession
from local.sagemaker.errors import ValidationError

PRINCIPAL = "sagemaker.amazonaws.com"
SESSION_SECONDS = 12 * 3600


def check_trust(role_arn: str) -> None:
    """Raise ValidationError unless the role exists and lets SageMaker assume it."""
    if not _trusts(_trust_policy(role_arn)):
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{PRINCIPAL}' to assume the role."
        )


def client(service: str, keys: dict[str, str], endpoint: str, region: str):
    """A client that acts as a role, through the gateway, so that the role's policies decide."""
    return EmbeddedSession(endpoint, region, keys).client(service, config=Config(retries={"total_max_attempts": 3}))


def credentials(role_arn: str, session_name: str) -> dict[str, str]:
    """Keys of a session of the role, named as AssumeRole names them.

    Made in process as the service itself would get them: a service principal has no keys of its own to
    call AssumeRole with.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(64)
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name[:64]}",
            "UserId": f"{hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()}:{session_name[:64]}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + SESSION_SECONDS,
        },
    )
    return {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token}


def _trust_policy(role_arn: str) -> dict:
    role = iam._roles.get_scoped(role_arn.split(":")[4], None, role_arn.rsplit("/", 1)[-1])
    if role is None or role.get("Arn") != role_arn:
        return {}
    document = role.get("AssumeRolePolicyDocument") or "{}"
    return json.loads(document) if isinstance(document, str) else document


def _trusts(policy: dict) -> bool:
    """ministack's evaluator knows no service principals, so the two fields that matter are read here."""
    return any(
        statement.get("Effect") == "Allow"
        and "sts:AssumeRole" in _as_list(statement.get("Action"))
        and PRINCIPAL in _services(statement.get("Principal"))
        for statement in _as_list(policy.get("Statement"))
    )


def _services(principal) -> list:
    return _as_list(principal.get("Service")) if isinstance(principal, dict) else []


def _as_list(value) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]
