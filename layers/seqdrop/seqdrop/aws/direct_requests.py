"""Requests for single objects of one bucket, for a fraction of boto3's CPU time.

boto3 validates each request, resolves its endpoint, builds its user agent and calls some forty hooks. That costs more
than the transfer of a file of a few kilobytes, and a tenth of that of a part. Here the first request is made by boto3.
Its address and region are used for all others, which are signed and sent by the same parts of botocore, over the same
connections. Whatever is not a plain success is left to boto3: the caller then makes the same request again.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from mypy_boto3_s3.client import S3Client

SENDING = "before-send.s3"
OK = 200
UNSIGNED = "UNSIGNED-PAYLOAD"  # a signature covers the checksum header, and S3 compares the body with that
SCOPE_PARTS = 5  # of a signature: access key, date, region, service, "aws4_request"


class _Signer(S3SigV4Auth):
    """A signer for a body whose SHA-256 is known already, or is not signed."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["sha256"])


@dataclass(frozen=True)
class Route:
    """Where objects are: the URL before the key, and the region and service name of signatures."""

    url: str
    region: str
    service: str


NOWHERE = Route("", "", "")  # for a client that is none of botocore


class DirectRequests:
    """The requests of one client to one bucket. Threads may share an object."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3
        self._route: Route | None = None if _has_hooks(s3) else NOWHERE
        self._key, self._lock = "", threading.Lock()
        if self._route is None:
            s3.meta.events.register(SENDING, self._learn)

    @property
    def is_ready(self) -> bool:
        """Whether the route is known, so that `send` may succeed."""
        return self._route is not None and self._route is not NOWHERE

    def learning(self, key: str) -> AbstractContextManager[None]:
        """Take the route from the request for `key` that boto3 makes in the block, unless the route is known."""
        return nullcontext() if self._route is not None else self._learning(key)

    @contextmanager
    def _learning(self, key: str) -> Iterator[None]:
        with self._lock:  # the other threads wait for this request
            self._key = quote(key, safe="/~")
            yield

    def send(
        self, method: str, key: str, query: str, body: bytes, sha256: str, headers: Mapping[str, str]
    ) -> AWSResponse | None:
        """Make a request; return the response, or None if boto3 is to make it. `query` begins with "?", or is "".

        Raise the BotoCoreError of a failed connection.
        """
        if self._route is None or self._route is NOWHERE:
            return None
        request = AWSRequest(method, f"{self._route.url}{quote(key, safe='/~')}{query}", dict(headers), body)
        request.context["sha256"] = sha256
        client = cast("Any", self._s3)  # credentials and connections have no public names
        credentials = client._get_credentials().get_frozen_credentials()
        _Signer(credentials, self._route.service, self._route.region).add_auth(request)
        prepared = request.prepare()
        _, response = client.meta.events.emit_until_response(SENDING, request=prepared)
        response = response or client._endpoint.http_session.send(prepared)
        return cast("AWSResponse", response) if response.status_code == OK else None

    def _learn(self, request: AWSPreparedRequest, **_: object) -> None:
        url = request.url.partition("?")[0]
        signature = str(request.headers.get("Authorization", ""))
        scope = signature.partition("Credential=")[2].split(",")[0].split("/")
        if self._route is None and len(scope) == SCOPE_PARTS and self._key and url.endswith(f"/{self._key}"):
            self._route = Route(url.removesuffix(self._key), scope[2], scope[3])
            self._s3.meta.events.unregister(SENDING, self._learn)


def _has_hooks(s3: S3Client) -> bool:
    """Return True for botocore's clients, also for one that is made when it is first used (runtime/clients.py)."""
    return hasattr(getattr(s3, "meta", None), "events")
