"""Permissions of a caller, which the account evaluates from the caller's identity policies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.sagemaker.conditions import read_conditions
from local.sagemaker.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.calls import Remote
    from local.sagemaker.conditions import Value

SERVICE = "sagemaker"
PASSED_TO = {"iam:PassedToService": "sagemaker.amazonaws.com"}


@dataclass(frozen=True)
class Caller:
    """The identity behind a request, and the account and region of the request."""

    access_key: str
    account: str
    region: str
    iam: Remote = field(repr=False, compare=False)  # a proxy of an Account

    def make_arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource of this account and region; as in AWS, the name in it is in lower case."""
        return f"arn:aws:{SERVICE}:{self.region}:{self.account}:{kind}/{name.lower()}"

    def require(self, action: str, resource: str, parameters: Mapping[str, object], tags: dict[str, str]) -> None:
        """Raise AccessDeniedError unless the caller may perform the action on the resource, which has these tags."""
        context: dict[str, Value] = self.iam.call("read_request_tags", action, parameters)
        context |= read_conditions(action.partition(":")[2], parameters)
        context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        self._enforce(action, resource, context)

    def require_pass_role(self, role: str) -> None:
        """Raise AccessDeniedError unless the caller may pass this role to SageMaker."""
        self._enforce("iam:PassRole", role, PASSED_TO)

    def _enforce(self, action: str, resource: str, context: Mapping[str, Value]) -> None:
        caller = (self.access_key, self.account, self.region)
        refusal = self.iam.call("find_refusal", caller, action, resource, context)
        if refusal is not None:
            raise AccessDeniedError(refusal)
