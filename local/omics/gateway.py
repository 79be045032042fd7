"""HealthOmics behind ministack's gateway, and the requests with which tests change its behaviour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.omics.rest import SERVICE
from local.omics.service import Omics
from local.omics.store import Caller

if TYPE_CHECKING:
    from types import ModuleType

    from local.account import Account

ROUTING = {
    "host_patterns": [r"(workflows|tags|control-storage|analytics)-omics\.", r"^omics\."],
    "credential_scope": SERVICE,
}
CONTROL = "/_seqdrop/omics"


def install(app: ModuleType, account: Account, endpoint: str) -> Omics:
    """Make ministack's gateway serve HealthOmics, whose requests it recognises by the service they are signed for."""
    from ministack.core import router
    from ministack.core.concurrency import run_reentrant
    from ministack.core.responses import get_account_id, get_region

    omics = Omics(account, endpoint)

    async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple:
        """Return status, headers and body of the response, as ministack's handlers do."""
        caller = Caller(router.extract_access_key_id(headers, query), get_account_id(), get_region())
        # In a thread, because an operation itself calls the gateway, which runs in this loop.
        return await run_reentrant(omics.respond, method, path, query, body, caller)

    router.SERVICE_PATTERNS[SERVICE] = ROUTING
    app.SERVICE_HANDLERS[SERVICE] = handle
    _serve_controls(app, omics)
    return omics


def _serve_controls(app: ModuleType, omics: Omics) -> None:
    """Serve `POST /_seqdrop/omics`: a JSON object with the fields of `Behaviour` that change. It is not of AWS."""
    serve_others = app._handle_s3_control_request

    async def serve(
        path: str, method: str, body: bytes, query_params: dict, request_id: str, headers: dict | None = None
    ) -> tuple | None:
        if method != "POST" or path != CONTROL:
            return await serve_others(path, method, body, query_params, request_id, headers)
        omics.behaviour.change(json.loads(body))
        return 204, {}, b""

    app._handle_s3_control_request = serve
