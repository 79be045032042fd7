"""The work of a processing job: download its inputs, run its program, upload its outputs, with the job's role."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.environment import make_base_environment
from local.sagemaker.inputs import NoInputError, list_inputs
from local.sagemaker.job_errors import JobFailedError, JobStoppedError
from local.sagemaker.logs import send_log
from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.job_records import ProcessingJob
    from local.sagemaker.roles import Roles

DEFAULT_SECONDS = 86400
MESSAGE_LENGTH = 1024
ROOT = "/opt/ml/"


class ProcessingExecution:
    """The work of a job in a folder; `container.log` stays there, `scratch` may be removed afterwards."""

    def __init__(self, job: ProcessingJob, folder: Path, roles: Roles) -> None:
        self._job, self._role, self._roles = job, job.role, roles
        self._log, self.scratch = folder / "container.log", folder / "scratch"
        self.scratch.mkdir(parents=True)
        self._credentials = roles.credentials(self._role)
        self._s3 = roles.client("s3", self._credentials, job.region)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Run the job.

        Raise JobFailedError if an input is missing or the program's exit status is not 0, JobStoppedError after
        MaxRuntimeInSeconds.
        """
        for channel in self._job.request.get("ProcessingInputs", []):
            self._fetch(channel["S3Input"])
        self._configure()
        status = self._run_program()
        self._job.exit_message = self._message()
        if status and not self._job.stopping.is_set():
            raise JobFailedError("AlgorithmError: See job logs for more information")
        config = self._job.request.get("ProcessingOutputConfig", {})
        if status:
            return
        for channel in config.get("Outputs", []):
            self._store(channel["S3Output"], config.get("KmsKeyId"))

    def cancel(self) -> None:
        """Kill the program and the processes that it started; any thread may call this."""
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Send the program's log to CloudWatch Logs."""
        self._s3.close()
        with contextlib.suppress(BotoCoreError, ClientError):
            send_log(self._log, self._job, self._credentials, self._roles)

    def _resolve(self, path: str) -> Path:
        """Return the path on this machine of a path in the container."""
        return self.scratch / path.lstrip("/")

    def _fetch(self, source: dict) -> None:
        try:
            for item in list_inputs(self._s3, source, self._role, self._job.region):
                target = self._resolve(source["LocalPath"]) / item.relative
                if ".." in target.parts:
                    raise JobFailedError(
                        f"ClientError: {item.location} would be written outside of {source['LocalPath']}"
                    )
                target.parent.mkdir(parents=True, exist_ok=True)
                self._download(item.location, target)
        except NoInputError as error:
            raise JobFailedError(str(error)) from error

    def _download(self, location: Location, target: Path) -> None:
        try:
            self._s3.download_file(location.bucket, location.key, str(target))
        except (BotoCoreError, ClientError) as error:
            raise JobFailedError(f"ClientError: {explain(error, self._role, 's3:GetObject', location)}") from error

    def _configure(self) -> None:
        folder = self._resolve("/opt/ml/config")
        folder.mkdir(parents=True)
        self._resolve("/opt/ml/output").mkdir()
        config = {"ProcessingJobArn": self._job.arn, **self._job.request}
        (folder / "processingjobconfig.json").write_text(json.dumps(config))
        (folder / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))

    def _run_program(self) -> int:
        program = self._job.request["AppSpecification"]
        words = [*program["ContainerEntrypoint"], *program.get("ContainerArguments", [])]
        # There is no container with the scratch folder as its root, so paths in the command are replaced.
        command = [str(self._resolve(word)) if word.startswith(ROOT) else word for word in words]
        limit = self._job.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_SECONDS)
        try:
            self._start(command)
        except OSError as error:
            raise JobFailedError(f"AlgorithmError: the entry point {command[0]!r} cannot be run: {error}") from error
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            raise JobStoppedError(f"the job ran for MaxRuntimeInSeconds, which is {limit}") from None
        finally:
            self.cancel()  # also ends the processes that it started
            self._process.wait()

    def _start(self, command: list[str]) -> None:
        with self._lock, self._log.open("ab") as log:
            if self._job.stopping.is_set():
                command = ["true"]  # the job was stopped before the program existed
            self._process = subprocess.Popen(
                command,
                cwd=self.scratch,
                env=self._environment(),
                process_group=0,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        """Return the program's variables.

        AWS provides the role's keys by a URL, and sets neither a region nor an endpoint.
        """
        keys = {
            "AWS_ACCESS_KEY_ID": self._credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self._credentials["SessionToken"],
            "AWS_ENDPOINT_URL": self._roles.endpoint,
        }
        return make_base_environment(self.scratch) | keys | self._job.request.get("Environment", {})

    def _message(self) -> str | None:
        """Return the message that the program wrote for ExitMessage; None if there is none."""
        path = self._resolve("/opt/ml/output/message")
        return path.read_text(errors="replace")[:MESSAGE_LENGTH] if path.is_file() else None

    def _store(self, target: dict, key: str | None) -> None:
        """Upload an output folder; a folder that the program did not make is an empty one."""
        folder, prefix = self._resolve(target["LocalPath"]), Location.parse(target["S3Uri"])
        headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                location = Location(prefix.bucket, f"{prefix.key.rstrip('/')}/{path.relative_to(folder)}".lstrip("/"))
                self._upload(path, location, headers)

    def _upload(self, path: Path, location: Location, headers: dict[str, str]) -> None:
        try:
            self._s3.upload_file(str(path), location.bucket, location.key, ExtraArgs=headers)
        except Exception as error:  # upload_file wraps the error of S3 in an exception of its own
            cause = error.__context__ if isinstance(error.__context__, ClientError) else error
            raise JobFailedError(f"ClientError: {explain(cause, self._role, 's3:PutObject', location)}") from error
