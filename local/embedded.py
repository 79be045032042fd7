"""The embedded AWS seen by those who use it: start one, talk to it, stop it.

    with EmbeddedAws(Path(".seqdrop/aws")) as aws:
        aws.client("s3").create_bucket(Bucket="landing")
        subprocess.run(["sam", "deploy", ...], env=aws.environment())
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3

from local.clients import ROOT_KEY, EmbeddedSession
from local.processes import command_line, kill_session, session_members
from local.server import ACCOUNT, LOG_FILE, LOOPBACK, PORT_TAKEN_STATUS, STATE_FILE, ServerState

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_REGION = "us-east-1"


class EmbeddedAwsError(Exception):
    """The embedded AWS could not be started, found or stopped; the message says what to do."""


class PortTaken(EmbeddedAwsError):
    """Someone else listens on the port that was asked for."""

    def __init__(self, port: int):
        super().__init__(f"port {port} of {LOOPBACK} is in use: stop what listens there or take another")
        self.port = port


class NotRunning(EmbeddedAwsError):
    """No server of ours runs for this working directory."""


class EmbeddedAws:
    """One server and the clients that speak to it.

    `workdir` holds all its files. `port` None takes a free one. With `detached` the server outlives
    this process; otherwise it ends with it, even when this process is killed. With `transform_limit` its
    SageMaker refuses more jobs at a time than that with ResourceLimitExceeded, as an account's quota does.
    """

    account = ACCOUNT

    def __init__(self, workdir: Path, port: int | None = None, *, region: str = DEFAULT_REGION,
                 detached: bool = False, transform_limit: int | None = None):
        self.workdir = Path(workdir).resolve()
        self.region = region
        self._wanted_port = port or 0
        self._detached = detached
        self._transform_limit = transform_limit
        self._process: subprocess.Popen | None = None
        self._state: ServerState | None = None
        self._clients: dict[str, object] = {}

    @classmethod
    def attach(cls, workdir: Path) -> "EmbeddedAws":
        """The server that another process started for this directory; NotRunning when there is none."""
        path = Path(workdir).resolve() / STATE_FILE
        try:
            state = ServerState(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise NotRunning(f"no embedded AWS is recorded in {path}") from error
        aws = cls(workdir, state.port, region=state.region, detached=True)
        if not aws._is_ours(state.pid):
            raise NotRunning(f"the embedded AWS recorded in {path} is gone")
        aws._state = state
        return aws

    def start(self, timeout: float = 30) -> "EmbeddedAws":
        """Start the server and wait until it answers; raises PortTaken, or EmbeddedAwsError with its log."""
        if self._state:
            raise EmbeddedAwsError(f"this embedded AWS runs already on port {self.port}")
        self._refuse_second()
        self.workdir.mkdir(parents=True, exist_ok=True)
        self._process = self._spawn()
        try:
            self._state = self._await_ready(time.monotonic() + timeout)
        except BaseException:
            self._end(self._process.pid)
            raise
        return self

    def stop(self) -> None:
        """End the server and all it started; returns when nothing is left, and may be called again."""
        if self._state is None:
            return
        pid, self._state = self._state.pid, None
        self._clients.clear()
        if self._process is not None or self._is_ours(pid):
            self._end(pid)

    def __enter__(self) -> "EmbeddedAws":
        return self if self._state else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process id, which is its session's id too."""
        return self._running().pid

    @property
    def port(self) -> int:
        """The port it listens on, on loopback."""
        return self._running().port

    @property
    def endpoint(self) -> str:
        """The URL every service answers at."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """What the server said."""
        return self.workdir / LOG_FILE

    def environment(self) -> dict[str, str]:
        """A whole environment for a child process, aimed here and free of the user's AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        bypass = [part for part in (kept.get("NO_PROXY"), LOOPBACK, "localhost") if part]
        return kept | self.settings() | {"NO_PROXY": ",".join(bypass), "no_proxy": ",".join(bypass),
                                         "SAM_CLI_TELEMETRY": "0"}

    def settings(self) -> dict[str, str]:
        """The AWS variables alone: endpoint, the root identity, region, and no file of the user's."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def session(self, credentials: dict | None = None) -> boto3.Session:
        """A boto3 session whose clients speak to this server, as root or with AssumeRole's `Credentials`."""
        return EmbeddedSession(self.endpoint, self.region, credentials)

    def client(self, name: str, **options):
        """A boto3 client of this server, as the account's root; the same one for the same name."""
        if options:
            return self.session().client(name, **options)
        if name not in self._clients:
            self._clients[name] = self.session().client(name)
        return self._clients[name]

    def _running(self) -> ServerState:
        if self._state is None:
            raise NotRunning("this embedded AWS has not been started")
        return self._state

    def _is_ours(self, pid: int) -> bool:
        """Whether this pid is a server of this working directory, and not one who got its number later."""
        arguments = command_line(pid)
        return "local.server" in arguments and str(self.workdir) in arguments

    def _refuse_second(self) -> None:
        with contextlib.suppress(NotRunning):
            other = EmbeddedAws.attach(self.workdir)
            raise EmbeddedAwsError(f"an embedded AWS already runs in {self.workdir}, on port {other.port}")
        (self.workdir / STATE_FILE).unlink(missing_ok=True)

    def _spawn(self) -> subprocess.Popen:
        command = [sys.executable, "-m", "local.server", "--port", str(self._wanted_port),
                   "--workdir", str(self.workdir), "--region", self.region]
        if self._transform_limit is not None:
            command += ["--transform-limit", str(self._transform_limit)]
        with open(self.log, "wb") as log:
            return subprocess.Popen(
                command if self._detached else [*command, "--with-parent"], cwd=REPOSITORY,
                stdin=subprocess.DEVNULL if self._detached else subprocess.PIPE,
                stdout=log, stderr=log, start_new_session=True)

    def _await_ready(self, deadline: float) -> ServerState:
        while time.monotonic() < deadline:
            if (status := self._process.poll()) is not None:
                raise self._failure(status)
            with contextlib.suppress(OSError, ValueError):
                state = ServerState(**json.loads((self.workdir / STATE_FILE).read_text()))
                _ask_health(state.port)
                return state
            time.sleep(0.05)
        raise EmbeddedAwsError(f"the embedded AWS did not answer in time; its log:\n{self._log_end()}")

    def _failure(self, status: int) -> EmbeddedAwsError:
        if status == PORT_TAKEN_STATUS:
            return PortTaken(self._wanted_port)
        return EmbeddedAwsError(f"the embedded AWS ended with status {status}; its log:\n{self._log_end()}")

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def _end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        _wait_gone(pid, self._process, 5)
        if left := kill_session(pid):
            raise EmbeddedAwsError(f"processes of the embedded AWS would not end: {sorted(left)}")
        if self._process is not None:
            self._process.wait()
            if self._process.stdin:
                self._process.stdin.close()
            self._process = None
        (self.workdir / STATE_FILE).unlink(missing_ok=True)
        shutil.rmtree(self.workdir / "tmp", ignore_errors=True)


def _ask_health(port: int) -> None:
    """Raise OSError unless the server answers; never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"http://{LOOPBACK}:{port}/_ministack/health", timeout=5).close()


def _wait_gone(pid: int, process: subprocess.Popen | None, timeout: float) -> None:
    """Wait until the session of a server is empty; our own child is reaped so that it does not count."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process is not None:
            process.poll()
        if not session_members(pid):
            return
        time.sleep(0.02)
