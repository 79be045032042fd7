"""SageMaker's own Hugging Face toolkit with multi-model-server, in place of the container it runs in.

It wants to write to /etc, reads /opt/ml/model and listens on all addresses; so each server gets namespaces of its
own (mounts, network, processes): nothing outside sees it, and with its first process all of its processes end.
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
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from local.testing import wait_for

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
class Answer:
    status: int
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        return self.body.split(b"\n")


class Server:
    """One container: started with an archive and its environment, asked over HTTP, ended by `close`."""

    def __init__(self, python: Path, root: Path, archive: bytes, environment: dict[str, str]):
        self.log = root / "opt/work/log"
        for name in ("etc", "overlay", "opt/work", "opt/ml/model"):
            (root / name).mkdir(parents=True)
        with tarfile.open(fileobj=BytesIO(archive), mode="r:gz") as tar:
            tar.extractall(root / "opt/ml/model", filter="data")
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

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request, from within the server's network."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._inside.submit(_request, method, path, body, named).result()

    def invoke(self, body: bytes, kind: str = JSON_LINES, accept: str = JSON_LINES) -> Answer:
        return self.ask("POST", "/invocations", body, Content_Type=kind, Accept=accept)

    def ping(self) -> Answer | None:
        """None while nobody listens."""
        try:
            return self.ask("GET", "/ping")
        except OSError:
            return None

    def interfaces(self) -> list[str]:
        """Of the server's network."""
        found = self._inside.submit(socket.if_nameindex).result()
        return [name for _, name in found]

    def processes(self) -> dict[int, str]:
        """Id → command line of all processes of the server; empty once it was ended."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended meanwhile
                if str((folder / "ns/pid").readlink()) == self._namespace:
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found

    def close(self) -> None:
        """End the first process by its id; before it is gone the kernel ends all others of its namespace."""
        if self._process.poll() is None:
            os.kill(self._first, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()
        self._inside.shutdown()


def started(python: Path, root: Path, archive: bytes, environment: dict[str, str]) -> Server:
    """A server that answers /ping, whatever it says."""
    server = Server(python, root, archive, environment)
    try:
        wait_for(server.ping, timeout=600, pause=0.2)
    except BaseException:
        server.close()
        raise
    return server


def python_of(repository: Path) -> Path:
    """The Python that has the toolkit. Skips, by the name of what is missing."""
    python = repository / ".venv-mms/bin/python"
    if not python.exists():
        pytest.skip("no .venv-mms: `make mms` makes it")
    for program in ("java", "unshare", "ip"):
        if not shutil.which(program):
            pytest.skip(f"no {program} here: multi-model-server runs on Java, in namespaces of its own")
    tried = subprocess.run([*NAMESPACES, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no right to make namespaces and mounts (root has it): {tried.stderr.strip()}")
    return python


def _environment(python: Path, root: Path) -> dict[str, str]:
    """Nothing of the tests' own environment but the way to Java."""
    return {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "ROOT": str(root),
        "PYTHON": str(python),
        "HOME": "/opt/work",
        "HF_HUB_OFFLINE": "1",
        "SAGEMAKER_BIND_TO_PORT": str(PORT),
        "TMPDIR": "/opt/work",  # for a pid file and sockets: two servers must not share them
        "JAVA_TOOL_OPTIONS": "-Djava.io.tmpdir=/opt/work",
        **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
    }


def _enter_network(pid: int) -> None:
    """Move this thread into the network of a process."""
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter the server's network")


def _request(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=600)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()
