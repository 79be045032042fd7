"""Roles that a service of AWS assumes, by default SageMaker; their policies decide what it may read and write."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from botocore.config import Config

from local.clients import EmbeddedSession
from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from local.calls import Remote

PRINCIPAL = "sagemaker.amazonaws.com"
SESSION_SECONDS = 12 * 3600


class Roles:
    """The roles of the account at `endpoint`; `account` is a proxy of its Account, `principal` assumes them."""

    def __init__(self, endpoint: str, account: Remote, principal: str = PRINCIPAL) -> None:
        self.endpoint, self._account, self._principal = endpoint, account, principal

    def check_trust(self, role: str) -> None:
        """Raise ValidationError unless the role exists and lets the service assume it."""
        if not _trusts(self._account.call("find_trust_policy", role), self._principal):
            raise ValidationError(
                f"Could not assume role {role}. Please ensure that the role exists and allows principal "
                f"'{self._principal}' to assume the role."
            )

    def client(self, service: str, keys: dict[str, str], region: str) -> BaseClient:
        """Return a client with the keys of a role; it calls the gateway, which enforces the role's policies."""
        session = EmbeddedSession(self.endpoint, region, keys)
        return session.client(service, config=Config(retries={"total_max_attempts": 3}))

    def credentials(self, role: str, session_name: str = "SageMaker") -> dict[str, str]:
        """Open a session of the role, and return its keys under the names that AssumeRole uses."""
        account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
        key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(64)
        session = {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name[:64]}",
            "UserId": f"{hashlib.sha256(role.encode()).hexdigest()[:17].upper()}:{session_name[:64]}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + SESSION_SECONDS,
        }
        self._account.call("open_session", key, session)
        return {"AccessKeyId": key, "SecretAccessKey": secret, "SessionToken": token}


def _trusts(policy: dict, principal: str) -> bool:
    """Return True if a trust policy lets the service assume the role.

    ministack's evaluator does not support service principals, so the relevant fields are read here.
    """
    return any(
        statement.get("Effect") == "Allow"
        and "sts:AssumeRole" in _as_list(statement.get("Action"))
        and principal in _services(statement.get("Principal"))
        for statement in _as_list(policy.get("Statement"))
    )


def _services(principal: object) -> list:
    return _as_list(principal.get("Service")) if isinstance(principal, dict) else []


def _as_list(value: object) -> list:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
