"""LocalEmu, another emulator of AWS, as a second opinion on ours. It runs in an environment of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.testing import wait_for
from tests.support.reviewers.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 180  # seconds; it starts in 20 to 45 on a busy machine
# LocalEmu binds all addresses of the machine, whatever host it is given. A test must not offer a server to the network.
STARTER = """
from functools import partial
from twisted.internet import endpoints
endpoints.TCP4ServerEndpoint = partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
from localemu.runtime.main import main
main()
"""


@contextlib.contextmanager
def start_localemu(folder: Path) -> Iterator[Callable[[str], Any]]:
    """Run LocalEmu on loopback, and yield a function that returns a client of a service. Skip the test without it."""
    python, port = find_program("localemu", "python"), _free_port()
    environment = {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
    }
    with (folder / "localemu.log").open("wb") as log:
        process = subprocess.Popen([python, "-c", STARTER], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        wait_for(lambda: _listens(process, port, folder), timeout=PATIENCE)
        yield _clients(port)
    finally:
        process.terminate()
        process.wait()


def _listens(process: subprocess.Popen[bytes], port: int, folder: Path) -> bool:
    assert process.poll() is None, (folder / "localemu.log").read_text()[-2000:]
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _clients(port: int) -> Callable[[str], Any]:
    @cache
    def client(name: str) -> Any:
        return boto3.client(
            name,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}),
        )

    return client


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
