"""DataSync in ministack's process: requests, orders of tests, and CloudFormation's types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.datasync import cloudformation
from local.datasync.controls import PATH, Controls
from local.datasync.service import PRINCIPAL, SERVICE, DataSync
from local.sagemaker.roles import Roles

if TYPE_CHECKING:
    from types import ModuleType

    from local.account import Account

ROUTING = {"target_prefixes": ["FmrsService."], "host_patterns": [r"datasync\."], "credential_scope": SERVICE}
JSON = {"Content-Type": "application/x-amz-json-1.1"}


class Nearby:
    """An Account of this process, with the interface of a proxy."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def call(self, method: str, *arguments: object) -> object:
        """Return the result of a method of the account."""
        return getattr(self._account, method)(*arguments)


def install(app: ModuleType, account: Account, endpoint: str) -> None:
    """Make ministack's gateway serve DataSync, whose requests' signatures it has checked."""
    from ministack.core import router
    from ministack.core.concurrency import run_reentrant
    from ministack.core.responses import get_account_id, get_region

    nearby = Nearby(account)
    service = DataSync(nearby, Roles(endpoint, nearby, PRINCIPAL), Controls())
    serve_others = app._handle_s3_control_request

    async def handle(_method: str, _path: str, headers: dict, body: bytes, query: dict) -> tuple:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        caller = (router.extract_access_key_id(headers, query), get_account_id(), get_region())
        # In a thread, because an event waits for the loop.
        status, content = await run_reentrant(service.respond, operation, body, caller)
        return status, dict(JSON), content

    async def serve(
        path: str, method: str, body: bytes, query_params: dict, request_id: str, headers: dict | None = None
    ) -> tuple | None:
        if method != "POST" or path != PATH:
            return await serve_others(path, method, body, query_params, request_id, headers)
        try:
            service.controls.change(json.loads(body))
        except ValueError as error:
            return 400, {}, str(error).encode()
        return 204, {}, b""

    router.SERVICE_PATTERNS[SERVICE] = ROUTING
    app.SERVICE_HANDLERS[SERVICE] = handle
    app._handle_s3_control_request = serve
    cloudformation.install(service)
