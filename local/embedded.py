"""Start, use and stop an embedded AWS.

with EmbeddedAws(Path(".seqdrop/aws")) as aws:
    aws.client("s3").create_bucket(Bucket="landing")
    subprocess.run(["sam", "deploy", ...], env=aws.environment())
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError

from local.clients import ROOT_KEY, EmbeddedSession
from local.processes import find_session_members
from local.sagemaker_process import read_pid
from local.server import ACCOUNT, LOG_FILE, LOOPBACK, ServerState
from local.server_process import REPOSITORY, EmbeddedAwsError, NotRunningError, PortTakenError, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3
    from botocore.client import BaseClient

__all__ = ["REPOSITORY", "EmbeddedAws", "EmbeddedAwsError", "JobLimits", "NotRunningError", "PortTakenError"]
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class JobLimits:
    """The account's quotas of jobs that run at the same time, by kind; None means no quota."""

    transform: int | None = None
    processing: int | None = None
    training: int | None = None


NO_LIMITS = JobLimits()


class EmbeddedAws:
    """One server and the clients that talk to it.

    `workdir` holds all files of the server. A `port` of None selects a free port. A `detached` server outlives this
    process. Any other server ends when this process ends, even if it is killed, or when `stop` is called.
    SageMaker refuses jobs beyond `limits` with ResourceLimitExceeded, as an account's quotas do. With `warm`, the
    containers of transform jobs are forked from a process that has imported PyTorch and transformers, which saves
    3 seconds for each container.
    """

    account = ACCOUNT

    def __init__(
        self,
        workdir: Path,
        port: int | None = None,
        *,
        region: str = DEFAULT_REGION,
        detached: bool = False,
        limits: JobLimits = NO_LIMITS,
        warm: bool = False,
    ) -> None:
        self.workdir = Path(workdir).resolve()
        self.region = region
        self._detached = detached
        self._options = ["--port", str(port or 0), "--region", region]
        for kind, limit in asdict(limits).items():
            if limit is not None:
                self._options += [f"--{kind}-limit", str(limit)]
        if warm:
            self._options.append("--warm")
        self._process: ServerProcess | None = None
        self._clients: dict[str, BaseClient] = {}

    @classmethod
    def attach(cls, workdir: Path) -> EmbeddedAws:
        """Return the server that another process started for this directory.

        Raise NotRunningError if there is none.
        """
        process = ServerProcess.find(Path(workdir).resolve())
        aws = cls(workdir, process.state.port, region=process.state.region, detached=True)
        aws._process = process
        return aws

    def shorten_waits(self, minute: float) -> EmbeddedAws:
        """Let each minute in which an endpoint waits take `minute` seconds; call this before `start`.

        Such minutes are those of an update, of a cooldown, and of a request in the queue of an asynchronous endpoint.
        """
        self._options += ["--minute", str(minute)]
        return self

    def start(self, timeout: float = 30) -> EmbeddedAws:
        """Start the server, wait up to `timeout` seconds until it responds, and return this object.

        Raise PortTakenError if the port is in use. Raise EmbeddedAwsError with the end of the log for any other
        failure, and if an embedded AWS already runs in the directory.
        """
        with contextlib.suppress(NotRunningError):
            other = ServerProcess.find(self.workdir).state
            raise EmbeddedAwsError(f"an embedded AWS already runs in {self.workdir}, on port {other.port}")
        self._process = ServerProcess.start(self.workdir, self._options, self._detached, timeout)
        return self

    def stop(self) -> None:
        """End the server and every process that it started. Further calls do nothing."""
        process, self._process = self._process, None
        self._clients.clear()
        if process is not None:
            process.end()

    def __enter__(self) -> EmbeddedAws:
        return self if self._process else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server, which is also the id of its session."""
        return self._state.pid

    @property
    def sagemaker_pid(self) -> int | None:
        """The process id of SageMaker, which is also the id of its session; None if it was not started yet.

        SageMaker's jobs end when it is killed.
        """
        return read_pid(self.workdir)

    def processes(self) -> set[int]:
        """Return the ids of the living processes of the server, its functions, SageMaker and its jobs."""
        return find_session_members(self.pid) | find_session_members(self.sagemaker_pid)

    def restart_sagemaker(self, timeout: float = 30, warm: bool = False) -> None:
        """End SageMaker if it is alive, and start it again; jobs in progress start over from their inputs.

        Raise EmbeddedAwsError if it does not respond within `timeout` seconds.
        """
        before, deadline = self.sagemaker_pid, time.monotonic() + timeout
        os.kill(self.pid, signal.SIGUSR2 if warm else signal.SIGUSR1)
        while self.sagemaker_pid == before or not self._is_sagemaker_up():
            if time.monotonic() > deadline:
                raise EmbeddedAwsError(f"SageMaker did not respond in time; see {self.log}")
            time.sleep(0.05)

    @property
    def port(self) -> int:
        """The loopback port on which the server listens."""
        return self._state.port

    @property
    def endpoint(self) -> str:
        """The endpoint URL of every service."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.workdir / LOG_FILE

    def environment(self) -> dict[str, str]:
        """Return this process's environment for a child process, with this server's AWS settings instead of others."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        bypass = ",".join(part for part in (inherited.get("NO_PROXY"), LOOPBACK, "localhost") if part)
        return inherited | self.settings() | {"NO_PROXY": bypass, "no_proxy": bypass, "SAM_CLI_TELEMETRY": "0"}

    def settings(self) -> dict[str, str]:
        """Return only the AWS variables: endpoint, root credentials, region, and no configuration files."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def session(self, credentials: Mapping[str, str] | None = None) -> boto3.Session:
        """Return a boto3 session for this server, as root or with the `Credentials` of AssumeRole."""
        return EmbeddedSession(self.endpoint, self.region, credentials)

    def client(self, name: str, **options: object) -> BaseClient:
        """Return a boto3 client of this server with root credentials; without options the client is cached by name."""
        if options:
            return self.session().client(name, **options)
        if name not in self._clients:
            self._clients[name] = self.session().client(name)
        return self._clients[name]

    def _is_sagemaker_up(self) -> bool:
        client = self.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
        try:
            client.list_models(MaxResults=1)
        except ClientError:
            return False
        finally:
            client.close()
        return True

    @property
    def _state(self) -> ServerState:
        if self._process is None:
            raise NotRunningError("this embedded AWS is not running; call start()")
        return self._process.state
