"""The account services that SageMaker and S3 Batch Operations need: permissions, roles, sessions and EventBridge.

An `Account` lives in ministack's process, next to IAM's own records. SageMaker calls it from its own process.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ministack.core.iam_evaluator import AuthError, EvalResult

SERVICE = "sagemaker"
DELIVERY_SECONDS = 30


class Account:
    """The account as SageMaker sees it; call it from any thread except that of ministack's event loop.

    Work on ministack's stores is scheduled on that loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def find_refusal(
        self,
        caller: tuple[str, str, str],
        action: str,
        resource: str,
        context: Mapping[str, str | list[str]],
        service: str = SERVICE,
    ) -> str | None:
        """Return why the policies of a caller (access key, account, region) deny an action; None if they allow it.

        ministack's own evaluator decides. The signature of the request has been checked before.
        """
        from ministack.core import iam_evaluator
        from ministack.core.responses import request_scope

        access_key, account, region = caller
        with request_scope(account, region):
            denial = iam_evaluator.enforce(access_key, action, service, region, resource, context)
        return None if denial is None else _message(denial, action, resource)

    def read_request_tags(self, action: str, request: Mapping[str, object]) -> dict[str, str]:
        """Return the IAM condition keys that follow from the tags of a request."""
        from ministack.core import iam_actions

        return iam_actions.request_tag_context(SERVICE, action, json.dumps(request).encode(), {})

    def find_trust_policy(self, role: str) -> dict:
        """Return the trust policy of the role with this ARN; an empty dict if there is no such role."""
        from ministack.services import iam

        record = iam._roles.get_scoped(role.split(":")[4], None, role.rsplit("/", 1)[-1])
        if record is None or record.get("Arn") != role:
            return {}
        document = record.get("AssumeRolePolicyDocument") or "{}"
        return json.loads(document) if isinstance(document, str) else document

    def open_session(self, access_key: str, session: Mapping[str, object]) -> None:
        """Make a temporary access key valid.

        The service does this itself, because a service principal has no keys with which to call AssumeRole.
        """
        from ministack.services import sts

        sts.register_session(access_key, session)

    def put_event(self, entry: Mapping[str, object], account: str, region: str) -> None:
        """Put an event of an AWS service on a bus.

        The event loop does it, because ministack's stores are not thread-safe.
        """
        delivery = asyncio.run_coroutine_threadsafe(_put(entry, account, region), self._loop)
        delivery.result(DELIVERY_SECONDS)

    def put_metrics(self, namespace: str, data: list[dict], account: str, region: str) -> None:
        """Publish metrics of an AWS service; alarms on them are evaluated before this returns."""
        self.read_cloudwatch("put_metrics", (namespace, data), account, region)

    def read_cloudwatch(self, method: str, arguments: tuple, account: str, region: str) -> object:
        """Return the result of a function of `measurements`."""
        reading = asyncio.run_coroutine_threadsafe(_measure(method, arguments, account, region), self._loop)
        return reading.result(DELIVERY_SECONDS)


async def _measure(method: str, arguments: tuple, account: str, region: str) -> object:
    from ministack.core.responses import request_scope

    from local import measurements

    with request_scope(account, region):
        return getattr(measurements, method)(*arguments)


async def _put(entry: Mapping[str, object], account: str, region: str) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    with request_scope(account, region):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _message(denial: AuthError | EvalResult, action: str, resource: str) -> str:
    from ministack.core import iam_actions, iam_evaluator

    if isinstance(denial, iam_evaluator.AuthError):
        return denial.message
    is_explicit = denial.decision == "Deny"
    return iam_actions.identity_denial_message(action, denial.principal_arn, resource, is_explicit)
