"""SageMaker's own Hugging Face toolkit with multi-model-server, run without its container.

The toolkit writes to /etc, reads /opt/ml/model and listens on all addresses. So each server has its own namespaces
(mounts, network, processes): it cannot be reached from outside, and all its processes end with the first.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 8080
JSON_LINES = "application/jsonlines"
NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
START = """
set -e
ip link set lo up
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$ROOT/etc,workdir=$ROOT/overlay" /etc
mount --bind "$ROOT/opt" /opt
cd /opt/work
echo ready
exec "$PYTHON" -c 'from sagemaker_huggingface_inference_toolkit import serving; serving.main()' >> log 2>&1
"""
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Response:
    """A response over HTTP."""

    status: int
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        return self.body.split(b"\n")


class Server:
    """A container, started with an archive and an environment, and ended by `close`; requests go over HTTP."""

    def __init__(self, python: Path, root: Path, model: bytes | Path, environment: dict[str, str]):
        self.log = root / "opt/work/log"
        for name in ("etc", "overlay", "opt/work", "opt/ml/model"):
            (root / name).mkdir(parents=True)
        _place_model(model, root / "opt/ml/model")
        with (root / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [*NAMESPACES, "sh", "-c", START],
                env=_environment(python, root) | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdout.readline() == b"ready\n", (root / "errors").read_text()
        pid = self._process.pid
        self._first = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        self._namespace = str(Path(f"/proc/{self._first}/ns/pid").readlink())
        self._inside = ThreadPoolExecutor(1, initializer=_enter_network, initargs=(self._first,))

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Response:
        """Send a request from within the server's network, and return the response."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._inside.submit(_request, method, path, body, fields).result()

    @contextmanager
    def connect(self) -> Iterator[http.client.HTTPConnection]:
        """Yield a connection to the server that is kept open, for the current thread alone.

        The thread stays in the server's network, so it must be one that ends with its work.
        """
        _enter_network(self._first)
        with closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=600)) as connection:
            yield connection

    def invoke(self, body: bytes, kind: str = JSON_LINES, accept: str = JSON_LINES) -> Response:
        return self.ask("POST", "/invocations", body, Content_Type=kind, Accept=accept)

    def ping(self) -> Response | None:
        """Return the response to /ping; None while the server does not listen."""
        try:
            return self.ask("GET", "/ping")
        except OSError:
            return None

    def interfaces(self) -> list[str]:
        """Return the names of the network interfaces of the server."""
        interfaces = self._inside.submit(socket.if_nameindex).result()
        return [name for _, name in interfaces]

    def processes(self) -> dict[int, str]:
        """Return the command lines of all processes of the server by process id; empty after its end."""
        command_lines = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # the process has ended meanwhile
                if str((folder / "ns/pid").readlink()) == self._namespace:
                    command_lines[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return command_lines

    def close(self) -> None:
        """Kill the first process, whereupon the kernel ends all other processes of its namespace."""
        if self._process.poll() is None:
            os.kill(self._first, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()
        self._inside.shutdown()


def start_server(python: Path, root: Path, model: bytes | Path, environment: dict[str, str]) -> Server:
    """Start a server, wait until it responds to /ping with any status, and return it.

    `model` is an archive, or the path of a folder with the files of one.
    """
    server = Server(python, root, model, environment)
    try:
        wait_for(server.ping, timeout=600, pause=0.2)
    except BaseException:
        server.close()
        raise
    return server


def find_python(repository: Path) -> Path:
    """Return the Python with the toolkit; skip the test if a prerequisite is missing, and name it."""
    python = repository / ".venv-mms/bin/python"
    if not python.exists():
        pytest.skip("there is no .venv-mms; `make mms` makes it")
    for program in ("java", "unshare", "ip"):
        if not shutil.which(program):
            pytest.skip(f"there is no {program}; multi-model-server needs Java and its own namespaces")
    process = subprocess.run([*NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if process.returncode:
        pytest.skip(f"no permission to make namespaces and mounts, which root has: {process.stderr.strip()}")
    return python


def _place_model(model: bytes | Path, folder: Path) -> None:
    if isinstance(model, Path):
        shutil.copytree(model, folder, dirs_exist_ok=True)
        return
    with tarfile.open(fileobj=BytesIO(model), mode="r:gz") as tar:
        tar.extractall(folder, filter="data")


def _environment(python: Path, root: Path) -> dict[str, str]:
    """Return the environment, which has only PATH and JAVA_HOME of the tests' own environment."""
    return {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "ROOT": str(root),
        "PYTHON": str(python),
        "HOME": "/opt/work",
        "HF_HUB_OFFLINE": "1",
        "SAGEMAKER_BIND_TO_PORT": str(PORT),
        "TMPDIR": "/opt/work",  # for a pid file and sockets, which two servers must not share
        "JAVA_TOOL_OPTIONS": "-Djava.io.tmpdir=/opt/work",
        **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
    }


def _enter_network(pid: int) -> None:
    """Move this thread into the network of a process."""
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter the server's network")


def _request(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=600)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Response(response.status, response.read())
    finally:
        connection.close()
