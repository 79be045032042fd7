"""The embedded AWS seen by those who use it: start one, talk to it, stop it.

with EmbeddedAws(Path(".seqdrop/aws")) as aws:
    aws.client("s3").create_bucket(Bucket="landing")
    subprocess.run(["sam", "deploy", ...], env=aws.environment())
"""

import contextlib
import os
import signal
import time
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.clients import ROOT_KEY, EmbeddedSession
from local.processes import session_members
from local.sagemaker_process import read_pid
from local.server import ACCOUNT, LOG_FILE, LOOPBACK, ServerState
from local.server_process import REPOSITORY, EmbeddedAwsError, NotRunningError, PortTakenError, ServerProcess

__all__ = ["REPOSITORY", "EmbeddedAws", "EmbeddedAwsError", "NotRunningError", "PortTakenError"]
DEFAULT_REGION = "us-east-1"


class EmbeddedAws:
    """One server and the clients that speak to it.

    `workdir` holds all its files. `port` None takes a free one. With `detached` the server outlives this
    process; otherwise it ends with it, even when it is killed, and with this object. With `transform_limit`,
    `processing_limit` or `training_limit` its SageMaker refuses more jobs of the kind at a time with
    ResourceLimitExceeded, as an account's quotas do. With `warm` the containers of transform jobs are forked from a
    process that has imported PyTorch and transformers: 3 seconds less each.
    """

    account = ACCOUNT

    def __init__(
        self,
        workdir: Path,
        port: int | None = None,
        *,
        region: str = DEFAULT_REGION,
        detached: bool = False,
        transform_limit: int | None = None,
        processing_limit: int | None = None,
        training_limit: int | None = None,
        warm: bool = False,
    ):
        self.workdir = Path(workdir).resolve()
        self.region = region
        self._detached = detached
        self._options = ["--port", str(port or 0), "--region", region]
        limits = {"transform": transform_limit, "processing": processing_limit, "training": training_limit}
        for kind, limit in limits.items():
            if limit is not None:
                self._options += [f"--{kind}-limit", str(limit)]
        if warm:
            self._options.append("--warm")
        self._process: ServerProcess | None = None
        self._clients: dict[str, object] = {}

    @classmethod
    def attach(cls, workdir: Path) -> "EmbeddedAws":
        """The server that another process started for this directory; NotRunningError when there is none."""
        process = ServerProcess.find(Path(workdir).resolve())
        aws = cls(workdir, process.state.port, region=process.state.region, detached=True)
        aws._process = process
        return aws

    def start(self, timeout: float = 30) -> "EmbeddedAws":
        """Start the server and wait until it answers; raises PortTakenError, or EmbeddedAwsError with its log."""
        with contextlib.suppress(NotRunningError):
            other = ServerProcess.find(self.workdir).state
            raise EmbeddedAwsError(f"an embedded AWS already runs in {self.workdir}, on port {other.port}")
        self._process = ServerProcess.start(self.workdir, self._options, self._detached, timeout)
        return self

    def stop(self) -> None:
        """End the server and all it started; returns when nothing is left, and may be called again."""
        process, self._process = self._process, None
        self._clients.clear()
        if process is not None:
            process.end()

    def __enter__(self) -> "EmbeddedAws":
        return self if self._process else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process id, which is its session's id too."""
        return self._state.pid

    @property
    def sagemaker_pid(self) -> int:
        """The process id of SageMaker, which is its session's id too: killed, it takes its jobs along."""
        return read_pid(self.workdir)

    def processes(self) -> set[int]:
        """The living processes of the server, of its functions, and of SageMaker and its jobs."""
        return session_members(self.pid) | session_members(self.sagemaker_pid)

    def restart_sagemaker(self, timeout: float = 30, warm: bool = False) -> None:
        """End SageMaker, if it lives, and start it again; it runs the jobs that were in progress from their inputs."""
        before, deadline = self.sagemaker_pid, time.monotonic() + timeout
        os.kill(self.pid, signal.SIGUSR2 if warm else signal.SIGUSR1)
        while self.sagemaker_pid == before or not self._sagemaker_answers():
            if time.monotonic() > deadline:
                raise EmbeddedAwsError(f"SageMaker did not answer in time; see {self.log}")
            time.sleep(0.05)

    @property
    def port(self) -> int:
        """The port it listens on, on loopback."""
        return self._state.port

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
        bypass = ",".join(part for part in (kept.get("NO_PROXY"), LOOPBACK, "localhost") if part)
        return kept | self.settings() | {"NO_PROXY": bypass, "no_proxy": bypass, "SAM_CLI_TELEMETRY": "0"}

    def settings(self) -> dict[str, str]:
        """The AWS variables alone: endpoint, the root identity, region, and no file of the user's."""
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

    def _sagemaker_answers(self) -> bool:
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
            raise NotRunningError("this embedded AWS has not been started")
        return self._process.state
