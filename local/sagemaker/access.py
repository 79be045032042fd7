"""Who may do what: the caller's identity policies, asked of the account."""

from dataclasses import dataclass, field

from local.calls import Remote
from local.sagemaker.errors import AccessDeniedError

SERVICE = "sagemaker"
PASSED_TO = {"iam:PassedToService": "sagemaker.amazonaws.com"}


@dataclass(frozen=True)
class Caller:
    """The identity behind a request, and where it speaks to."""

    access_key: str
    account: str
    region: str
    iam: Remote = field(repr=False, compare=False)  # where an Account answers

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource of this account and region; AWS writes job names in it in lower case."""
        return f"arn:aws:{SERVICE}:{self.region}:{self.account}:{kind}/{name.lower()}"

    def require(self, action: str, resource: str, parameters: dict, tags: dict[str, str]) -> None:
        """Raise AccessDeniedError unless the caller may do this to the resource, which carries these tags."""
        context = self.iam.call("request_tags", action, parameters)
        context |= {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        self._enforce(action, resource, context)

    def require_pass_role(self, role: str) -> None:
        """Raise AccessDeniedError unless the caller may hand this role to SageMaker."""
        self._enforce("iam:PassRole", role, PASSED_TO)

    def _enforce(self, action: str, resource: str, context: dict) -> None:
        who = (self.access_key, self.account, self.region)
        refusal = self.iam.call("refusal", who, action, resource, context)
        if refusal is not None:
            raise AccessDeniedError(refusal)
