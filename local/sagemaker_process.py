"""SageMaker's process from the side of ministack's gateway: start it, forward requests to it, start it again."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

from local.account import SERVICE, Account
from local.calls import Remote, UnreachableError, serve
from local.processes import kill_session

PID_FILE = "sagemaker.pid"  # of the process that was started last, which is a session leader
START_SECONDS = 30
ROUTING = {"target_prefixes": ["SageMaker."], "host_patterns": [r"api\.sagemaker\."], "credential_scope": SERVICE}
FEATURE_STORE_PATHS = ("/FeatureGroup/", "/BatchGetRecord", "/BatchWriteRecord")
SCALING = "application-autoscaling"
SCALING_ROUTING = {
    "target_prefixes": ["AnyScaleFrontendService."],
    "host_patterns": [r"application-autoscaling\."],
    "credential_scope": SCALING,
}
JSON = {"Content-Type": "application/x-amz-json-1.1"}
DOWN = {"__type": "ServiceUnavailable", "message": "The embedded SageMaker is down; call restart_sagemaker()"}


class SageMakerProcess:
    """The process: its first start discards earlier records, a later start reads its records again.

    It does not restart by itself, so that tests can see the account without SageMaker. `warm` selects forked
    containers (warm.py), `minute` is the length in seconds of a minute in which an endpoint waits. SIGUSR1 restarts the
    process without forked containers, SIGUSR2 with them.
    """

    def __init__(self, workdir: Path, endpoint: str, limits: dict[str, int | None], warm: bool, minute: float) -> None:
        self._workdir, self._key = workdir, secrets.token_bytes(32)
        names = {name: f"\0seqdrop-{os.getpid()}-{name}" for name in ("account", "address")}
        self._settings = {**names, "key": self._key.hex(), "endpoint": endpoint, "limits": limits, "minute": minute}
        self.remote = Remote(names["address"], self._key)
        self._restart, self._warm = threading.Event(), warm
        self._child = self._spawn(fresh=True)

    def attend(self, account: Account) -> None:
        """Serve the account to the process, wait until the process responds, and restart it at each signal.

        Call this from the main thread, because it installs signal handlers. Raise RuntimeError if the process does
        not respond.
        """
        serve(self._settings["account"], self._key, account)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda number, _: self._renew(warm=number == signal.SIGUSR2))
        deadline = time.monotonic() + START_SECONDS
        while not self.remote.is_up():
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("SageMaker's process did not start; the log above says why")
            time.sleep(0.02)
        threading.Thread(target=self._supervise, name="sagemaker", daemon=True).start()

    def _renew(self, warm: bool) -> None:
        self._warm = warm
        self._restart.set()
        self._child.kill()

    def _supervise(self) -> None:
        while True:
            self._child.wait()
            kill_session(self._child.pid)  # no process of a job may be left when its job starts over
            self._child.stdin.close()
            self._restart.wait()
            self._restart.clear()
            self._child = self._spawn(fresh=False)

    def _spawn(self, fresh: bool) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "local.sagemaker.server", str(self._workdir)]
        child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE)
        write_pid(self._workdir, child.pid)
        child.stdin.write(json.dumps(self._settings | {"fresh": fresh, "warm": self._warm}).encode() + b"\n")
        child.stdin.flush()
        return child


def install(app: ModuleType, sagemaker: Remote) -> None:
    """Make ministack's gateway forward SageMaker's requests, whose signatures it has checked."""
    from ministack.core import router
    from ministack.core.concurrency import run_reentrant
    from ministack.core.responses import get_account_id, get_region

    def find_caller(headers: dict, query: dict) -> tuple[str, str, str]:
        return router.extract_access_key_id(headers, query), get_account_id(), get_region()

    async def respond(method: str, headers: dict, body: bytes, query: dict) -> tuple:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            # In a thread, because an operation itself calls the gateway, which runs in this loop.
            status, content = await run_reentrant(sagemaker.call, method, operation, body, find_caller(headers, query))
        except UnreachableError:
            return 503, dict(JSON), json.dumps(DOWN).encode()
        return status, dict(JSON), content

    async def handle_scaling(_method: str, _path: str, headers: dict, body: bytes, query: dict) -> tuple:
        """Return status, headers and body of a response of Application Auto Scaling, which SageMaker's process runs."""
        return await respond("scale", headers, body, query)

    async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple:
        """Return status, headers and body of the response, as ministack's handlers do."""
        if "x-amz-target" in headers:
            return await respond("respond", headers, body, query)
        # Requests of the runtimes have a path instead.
        caller = find_caller(headers, query)
        try:
            if path.startswith(FEATURE_STORE_PATHS):
                return await run_reentrant(sagemaker.call, "keep", (method, path, dict(query), body), caller)
            return await run_reentrant(sagemaker.call, "invoke", path, dict(headers), body, caller)
        except UnreachableError:
            return 503, dict(JSON), json.dumps(DOWN).encode()

    router.SERVICE_PATTERNS[SERVICE] = ROUTING
    app.SERVICE_HANDLERS[SERVICE] = handle
    router.SERVICE_PATTERNS[SCALING] = SCALING_ROUTING
    app.SERVICE_HANDLERS[SCALING] = handle_scaling


def write_pid(workdir: Path, pid: int) -> None:
    """Record the process id atomically: a reader sees the earlier number or this one."""
    draft = workdir / f"{PID_FILE}.new"
    draft.write_text(str(pid))
    draft.replace(workdir / PID_FILE)


def read_pid(workdir: Path) -> int | None:
    """Return the recorded process id; None if no process was started yet."""
    try:
        return int((workdir / PID_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
