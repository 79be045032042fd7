"""Who may do what: the caller's identity policies, asked through ministack's own evaluator."""

import json
from dataclasses import dataclass

from ministack.core import iam_actions, iam_evaluator

from local.sagemaker.errors import AccessDenied

SERVICE = "sagemaker"
PASSED_TO = {"iam:PassedToService": "sagemaker.amazonaws.com"}


@dataclass(frozen=True)
class Caller:
    """The identity behind a request, and where it speaks to."""

    access_key: str
    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource of this account and region; AWS writes job names in it in lower case."""
        return f"arn:aws:{SERVICE}:{self.region}:{self.account}:{kind}/{name.lower()}"

    def require(self, action: str, resource: str, parameters: dict, tags: dict[str, str]) -> None:
        """Raise AccessDenied unless the caller may do this to the resource, which carries these tags."""
        context = iam_actions.request_tag_context(SERVICE, action, json.dumps(parameters).encode(), {})
        context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        self._enforce(action, resource, context)

    def require_pass_role(self, role: str) -> None:
        """Raise AccessDenied unless the caller may hand this role to SageMaker."""
        self._enforce("iam:PassRole", role, PASSED_TO)

    def _enforce(self, action: str, resource: str, context: dict) -> None:
        denial = iam_evaluator.enforce(self.access_key, action, SERVICE, self.region, resource, context)
        if denial is not None:
            raise AccessDenied(_message(denial, action, resource))


def _message(denial, action: str, resource: str) -> str:
    if isinstance(denial, iam_evaluator.AuthError):
        return denial.message
    explicit = denial.decision == "Deny"
    return iam_actions.identity_denial_message(action, denial.principal_arn, resource, explicit)
