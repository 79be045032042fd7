"""The archive function waits for a copy as long as it can: the timeouts of its client reach the socket.

A real client copies from a local server; nothing here waits for a timeout.
"""

from __future__ import annotations

import http.server
import socket
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError
from seqdrop.aws import server_copy
from seqdrop.ledger.records import Upload
from seqdrop.runtime import services as of_lambda
from seqdrop.stages.archive import cold_copy
from seqdrop.uploads import UploadVersion
from urllib3.connectionpool import HTTPConnectionPool

from tests.support.aws.template import environment, tree
from tests.support.aws.wire import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

COPIED = b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"


class Server(http.server.ThreadingHTTPServer):
    """A server that counts requests. It closes connections without a response, or responds as to a copy."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.responds = 0, True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection stays open, so a test can look at its socket

    def do_PUT(self) -> None:
        self.server.requests += 1
        self.server.headers = self.headers
        if not self.server.responds:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(COPIED)))
        self.end_headers()
        self.wfile.write(COPIED)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def services(server) -> Iterator[of_lambda.Services]:
    """Return the services of the archive function, whose clients call the server."""
    of_lambda.services.cache_clear()
    of_lambda.archiving_services.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        for name, text in {**ENVIRONMENT, **environment(), "AWS_ENDPOINT_URL": url}.items():
            patch.setenv(name, text)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield of_lambda.archiving_services()
    of_lambda.services.cache_clear()
    of_lambda.archiving_services.cache_clear()


@pytest.fixture
def sockets(monkeypatch) -> list[tuple[float, float, int]]:
    """Return (seconds to connect, seconds to wait for data, SO_KEEPALIVE) of each request that is sent."""
    requests, make = [], HTTPConnectionPool._make_request

    def record(pool, connection, *arguments, timeout, **more):
        response = make(pool, connection, *arguments, timeout=timeout, **more)
        alive = connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        requests.append((timeout.connect_timeout, timeout.read_timeout, alive))
        return response

    monkeypatch.setattr(HTTPConnectionPool, "_make_request", record)
    return requests


def upload() -> Upload:
    return Upload.from_version(UploadVersion("landing", "raw/a.fastq", "v1", 4, "e"), "raw")


def test_a_copy_waits_minutes_for_its_response_on_a_connection_that_is_kept_alive(services, sockets):
    cold_copy.copy(services.copier, upload(), "archive")
    part = server_copy.MultipartUpload(services.copier, server_copy.Source("b", "k", 10), "archive", "k", "id")
    with pytest.raises(KeyError):  # the response of the server is that of a whole copy
        part.copy_part((1, 0, 9))
    assert [alive for *_, alive in sockets] == [1, 1]
    assert all(wait >= 300 for _, wait, _ in sockets), "S3 may need minutes for 5 GB"


def test_other_requests_of_the_function_keep_the_timeout_of_botocore(services, sockets):
    services.s3.copy_object(Bucket="archive", Key="k", CopySource="b/k")
    assert [wait for _, wait, _ in sockets] == [60]


def test_all_tries_of_a_copy_fit_in_one_invocation(services, server, monkeypatch):
    monkeypatch.setattr(server, "requests", 0)
    monkeypatch.setattr(server, "responds", False)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    with pytest.raises(ConnectionClosedError):
        cold_copy.copy(services.copier, upload(), "archive")
    config = services.copier.meta.config
    timeout = tree()["Resources"]["ArchiveFunction"]["Properties"]["Timeout"]
    pauses = sum(2**number for number in range(server.requests - 1))  # the longest of the mode "standard"
    assert server.requests * (config.connect_timeout + config.read_timeout) + pauses < timeout - 30


def test_a_copy_never_replaces_an_object(services, server):
    cold_copy.copy(services.copier, upload(), "archive")
    assert server.headers["If-None-Match"] == "*"
