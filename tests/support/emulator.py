"""A built function in a process of its own, with AWS's runtime client under the emulator of aws-sam-cli.

Of .venv only boto3 and its dependencies are importable, which Lambda provides.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.memory_limit import make_limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.built import BuiltFunction
    from tests.support.memory_limit import Group, Resource

# The packages of the managed Python runtimes, and the runtime client with its dependencies.
PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
CLIENT = ("awslambdaric", "simplejson", "snapshot_restore_py")
TICKS = os.sysconf("SC_CLK_TCK")


class NoEmulatorError(Exception):
    """aws-sam-cli has no emulator for this processor."""


@dataclass(frozen=True)
class Runtime:
    """What the managed runtime adds to a function. `provided` is a folder with its packages, and no others of .venv."""

    emulator: Path
    provided: Path

    @classmethod
    def make(cls, folder: Path) -> Runtime:
        """Write a runtime to an empty folder. Raise NoEmulatorError if there is none for this machine."""
        machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
        program = Path(importlib.util.find_spec("samcli").origin).parent / f"local/rapid/aws-lambda-rie-{machine}"
        if not program.is_file():
            raise NoEmulatorError(f"aws-sam-cli has no Runtime Interface Emulator for {platform.machine()}")
        copy = Path(shutil.copy(program, folder / "rie"))
        copy.chmod(0o755)
        (folder / "provided").mkdir()
        _link_packages(folder / "provided")
        return cls(copy, folder / "provided")

    def path_of(self, function: BuiltFunction) -> str:
        """Return PYTHONPATH for a function."""
        return ":".join(map(str, [*function.path, self.provided]))


def _link_packages(folder: Path) -> None:
    for name in (*PROVIDED, *CLIENT):
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue  # some dependencies exist only for some versions of the client
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    for compiled in Path(importlib.util.find_spec("awslambdaric").origin).parent.parent.glob("runtime_client*.so"):
        (folder / compiled.name).symlink_to(compiled)


class Invocations:
    """The functions' side of an emulator: invoke, and look at the process that handles the events."""

    def __init__(self, url: str, emulator: int, limit: Group | Resource) -> None:
        self._url, self._emulator = url, emulator
        self.limit = limit

    def invoke(self, event: object) -> object:
        """Return the response to an event: parsed JSON, or the text itself if it is not JSON."""
        body = self._post(json.dumps(event).encode())
        try:
            return json.loads(body)
        except ValueError:
            return body.decode()

    def cpu_seconds(self) -> float:
        """Return user and system time of the function's process since its start."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def pid(self) -> int:
        """The id of the function's process; it must have been invoked."""
        children = Path(f"/proc/{self._emulator}/task").glob("*/children")
        return next(int(pid) for file in children for pid in file.read_text().split())

    def _post(self, body: bytes) -> bytes:
        request = urllib.request.Request(self._url, body)
        for _ in range(200):
            try:
                with urllib.request.urlopen(request, timeout=120) as response:
                    return response.read()
            except ConnectionError:
                time.sleep(0.05)  # the emulator is not listening yet, and does not announce when it is
            except urllib.error.HTTPError as error:
                with error:
                    return error.read()
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionError):
                    raise
                time.sleep(0.05)
        raise AssertionError("the emulator does not respond")


@contextlib.contextmanager
def running(
    function: BuiltFunction, runtime: Runtime, environment: Mapping[str, str], *, timeout: int | None = None
) -> Iterator[Invocations]:
    """Run a built function with its memory limit; its timeout is that of the template unless another is passed."""
    api, port = _find_free_port(), _find_free_port()
    limit = make_limit(function.memory)
    own = {
        "PYTHONPATH": runtime.path_of(function),
        "PYTHONDONTWRITEBYTECODE": "1",  # in Lambda, code and layers are read-only
        "PATH": os.environ["PATH"],
        "_HANDLER": "app.handler",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout or function.timeout),
    }
    command = [str(runtime.emulator), "--runtime-api-address", f"127.0.0.1:{api}"]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
    command += limit.command([sys.executable, "-S", "-m", "awslambdaric", "app.handler"])
    process = subprocess.Popen(
        command, env={**own, **environment}, cwd=function.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        yield Invocations(url, process.pid, limit)
    finally:
        process.terminate()
        process.wait(10)
        limit.close()


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
