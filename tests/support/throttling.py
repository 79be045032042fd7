"""A proxy before the embedded AWS that throttles and cuts connections, by a seeded schedule.

It passes requests on unchanged, with the Host that the client signed: microburst replaces it, and the signatures of the
functions' roles would not hold.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import struct
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
# Status, content type and body with which each service says "slow down".
XML = "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
JSON = '{{"__type": "{}", "message": "Rate exceeded"}}'
ANSWERS = {
    "s3": (
        503,
        "application/xml",
        "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    ),
    "dynamodb": (400, "application/x-amz-json-1.0", JSON.format("ThrottlingException")),
    "sqs": (403, "application/x-amz-json-1.0", JSON.format("RequestThrottled")),
    "sns": (400, "text/xml", XML),
    "sagemaker": (400, "application/x-amz-json-1.1", JSON.format("ThrottlingException")),
}
# What happens to a request: nothing, an answer, no answer before or after the service acts, half of its answer.
PASS, THROTTLE, CUT_BEFORE, CUT_AFTER, CUT_WITHIN = "pass", "throttle", "cut before", "cut after", "cut within"
OUTCOMES = (PASS, THROTTLE, CUT_BEFORE, CUT_AFTER, CUT_WITHIN)


class Schedule:
    """What happens to the n-th request of each service: the same for a seed, whatever the order of the services."""

    def __init__(self, seed: int, weights: tuple[int, ...] = (80, 12, 3, 3, 2)) -> None:
        self.chances = {service: Random(f"{seed} {service}") for service in ANSWERS}
        self.weights, self.lock = weights, threading.Lock()
        self.counts: Counter[tuple[str, str]] = Counter()

    def draw(self, service: str) -> str:
        """Return the outcome of the next request, and count it."""
        if service not in self.chances:
            return PASS
        with self.lock:
            (outcome,) = self.chances[service].choices(OUTCOMES, self.weights)
            self.counts[service, outcome] += 1
        return outcome


@contextlib.contextmanager
def throttled(endpoint: str, schedule: Schedule) -> Iterator[str]:
    """Run the proxy before an endpoint, and yield its own."""
    handler = type("Handler", (_Handler,), {"schedule": schedule, "upstream": urlsplit(endpoint).netloc})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing of connections that this proxy, or a client that ends, has closed."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    schedule: Schedule
    upstream: str

    def do_POST(self) -> None:
        body = self._read_body()
        service = SCOPE.search(self.headers.get("Authorization", ""))
        name = service[1] if service else ""
        outcome = self.schedule.draw(name)
        if outcome == THROTTLE:
            status, kind, text = ANSWERS[name]
            self._answer(status, [("Content-Type", kind)], text.encode())
        elif outcome == CUT_BEFORE:
            self._reset()
        else:
            self._pass_on(body, outcome)

    def _pass_on(self, body: bytes, outcome: str) -> None:
        status, headers, answer = self._forward(body)
        if outcome == CUT_AFTER:
            self._reset()
        else:
            self._answer(status, headers, answer, is_cut=outcome == CUT_WITHIN and len(answer) > 1)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815 - the names of the library

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.upstream, timeout=600)
        with contextlib.closing(connection):
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            dropped = {"connection", "transfer-encoding", "expect", "content-length"}
            for name, value in self.headers.items():
                if name.lower() not in dropped:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, is_cut: bool = False) -> None:
        self.send_response_only(status)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in {"connection", "transfer-encoding"} and (
                name.lower() != "content-length" or self.command == "HEAD"
            ):
                self.send_header(name, value)
        if self.command != "HEAD" or "content-length" not in names:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)
        if is_cut:
            self.wfile.flush()
            self._reset()

    def _reset(self) -> None:
        """End the connection with a reset instead of a regular end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
