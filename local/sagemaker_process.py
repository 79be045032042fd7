"""SageMaker as ministack's gateway sees it: a process that is started, asked, killed and started again."""

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

PID_FILE = "sagemaker.pid"  # of the process that was started last, which leads a session
START_SECONDS = 30
ROUTING = {"target_prefixes": ["SageMaker."], "host_patterns": [r"api\.sagemaker\."], "credential_scope": SERVICE}
JSON = {"Content-Type": "application/x-amz-json-1.1"}
DOWN = {"__type": "ServiceUnavailable", "message": "The embedded SageMaker is down; EmbeddedAws.restart_sagemaker()"}


class SageMakerProcess:
    """The process: it begins afresh when it is first started, and knows its records when it is started again.

    It is not started again by itself, so that one can see what the account is like without it. `warm` is whether its
    containers are forked (warm.py): SIGUSR1 starts it again without that, SIGUSR2 with it.
    """

    def __init__(self, workdir: Path, endpoint: str, limits: dict[str, int | None], warm: bool):
        self._workdir, self._key = workdir, secrets.token_bytes(32)
        names = {name: f"\0seqdrop-{os.getpid()}-{name}" for name in ("account", "address")}
        self._told = {**names, "key": self._key.hex(), "endpoint": endpoint, "limits": limits}
        self.remote = Remote(names["address"], self._key)
        self._wanted, self._warm = threading.Event(), warm
        self._child = self._spawn(fresh=True)

    def attend(self, account: Account) -> None:
        """Let it ask the account, wait until it answers, and start it again at each signal; of the main thread."""
        serve(self._told["account"], self._key, account)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda number, _: self._renew(warm=number == signal.SIGUSR2))
        deadline = time.monotonic() + START_SECONDS
        while not self.remote.is_there():
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("SageMaker's process did not come up")
            time.sleep(0.02)
        threading.Thread(target=self._supervise, name="sagemaker", daemon=True).start()

    def _renew(self, warm: bool) -> None:
        self._warm = warm
        self._wanted.set()
        self._child.kill()

    def _supervise(self) -> None:
        while True:
            self._child.wait()
            kill_session(self._child.pid)  # before its jobs are run again, nothing of them is left
            self._child.stdin.close()
            self._wanted.wait()
            self._wanted.clear()
            self._child = self._spawn(fresh=False)

    def _spawn(self, fresh: bool) -> subprocess.Popen:
        command = [sys.executable, "-m", "local.sagemaker.server", str(self._workdir)]
        child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE)
        write_pid(self._workdir, child.pid)
        child.stdin.write(json.dumps(self._told | {"fresh": fresh, "warm": self._warm}).encode() + b"\n")
        child.stdin.flush()
        return child


def install(app: ModuleType, sagemaker: Remote) -> None:
    """Make ministack's gateway, which has checked their signatures, pass SageMaker's requests on."""
    from ministack.core import router
    from ministack.core.concurrency import run_reentrant
    from ministack.core.responses import get_account_id, get_region

    async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple:
        """ministack's handler contract: status, headers and body of the answer."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        caller = (router.extract_access_key_id(headers, query), get_account_id(), get_region())
        try:
            # In a thread, because an operation itself calls the gateway, which answers from this loop.
            status, answer = await run_reentrant(sagemaker.call, "answer", operation, body, caller)
        except UnreachableError:
            return 503, dict(JSON), json.dumps(DOWN).encode()
        return status, dict(JSON), answer

    router.SERVICE_PATTERNS[SERVICE] = ROUTING
    app.SERVICE_HANDLERS[SERVICE] = handle


def write_pid(workdir: Path, pid: int) -> None:
    """Put down which process it is, so that a reader sees one number or the other."""
    draft = workdir / f"{PID_FILE}.new"
    draft.write_text(str(pid))
    draft.replace(workdir / PID_FILE)


def read_pid(workdir: Path) -> int | None:
    """Which process it is; None before there was one."""
    try:
        return int((workdir / PID_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
