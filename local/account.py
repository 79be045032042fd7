"""What SageMaker asks of the account that it works in: permissions, roles, sessions, EventBridge.

It lives in ministack's process, next to IAM's own records; SageMaker calls it from its process.
"""

import asyncio
import json

SERVICE = "sagemaker"
DELIVERY_SECONDS = 30


class Account:
    """Answers SageMaker, from any thread but that of the loop, which ministack's own work is put on."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop

    def refusal(self, caller: tuple[str, str, str], action: str, resource: str, context: dict) -> str | None:
        """Why the policies of a caller (access key, account, region) do not allow an action; None if they do.

        Asked through ministack's own evaluator; that the request is signed has been checked before.
        """
        from ministack.core import iam_evaluator
        from ministack.core.responses import request_scope

        access_key, account, region = caller
        with request_scope(account, region):
            denial = iam_evaluator.enforce(access_key, action, SERVICE, region, resource, context)
        return None if denial is None else _message(denial, action, resource)

    def request_tags(self, action: str, request: dict) -> dict:
        """The condition keys that the tags of a request make."""
        from ministack.core import iam_actions

        return iam_actions.request_tag_context(SERVICE, action, json.dumps(request).encode(), {})

    def trust_policy(self, role: str) -> dict:
        """The trust policy of the role with this ARN; empty when there is no such role."""
        from ministack.services import iam

        found = iam._roles.get_scoped(role.split(":")[4], None, role.rsplit("/", 1)[-1])
        if found is None or found.get("Arn") != role:
            return {}
        document = found.get("AssumeRolePolicyDocument") or "{}"
        return json.loads(document) if isinstance(document, str) else document

    def open_session(self, access_key: str, session: dict) -> None:
        """Make a key valid, as the service itself would: a service principal has no keys to call AssumeRole with."""
        from ministack.services import sts

        sts.register_session(access_key, session)

    def put_event(self, entry: dict, account: str, region: str) -> None:
        """Put an event of an AWS service on a bus; ministack's stores are not made for other threads."""
        putting = asyncio.run_coroutine_threadsafe(_put(entry, account, region), self._loop)
        putting.result(DELIVERY_SECONDS)


async def _put(entry: dict, account: str, region: str) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    with request_scope(account, region):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _message(denial, action: str, resource: str) -> str:
    from ministack.core import iam_actions, iam_evaluator

    if isinstance(denial, iam_evaluator.AuthError):
        return denial.message
    explicit = denial.decision == "Deny"
    return iam_actions.identity_denial_message(action, denial.principal_arn, resource, explicit)
