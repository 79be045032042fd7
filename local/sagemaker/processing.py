"""One processing job: its inputs brought in, its program run, its outputs taken out, as the job's role."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.ends import JobFailedError, JobStoppedError
from local.sagemaker.environment import process
from local.sagemaker.inputs import NoInputError, input_objects
from local.sagemaker.logs import send_log
from local.sagemaker.registry import ProcessingJob
from local.sagemaker.roles import Roles
from local.sagemaker.storage import Location, refusal

DEFAULT_SECONDS = 86400
MESSAGE = 1024
ROOT = "/opt/ml/"


class ProcessingExecution:
    """The work of one job in one folder: `container.log` stays, `scratch` may be removed after."""

    def __init__(self, job: ProcessingJob, folder: Path, roles: Roles):
        self._job, self._role, self._roles = job, job.role, roles
        self._log, self.scratch = folder / "container.log", folder / "scratch"
        self.scratch.mkdir(parents=True)
        self._credentials = roles.credentials(self._role)
        self._s3 = roles.client("s3", self._credentials, job.region)
        self._lock, self._process = threading.Lock(), None

    def run(self) -> None:
        """JobFailedError if an input is missing or the program's exit status is not 0; JobStoppedError if its
        time was up.
        """
        for one in self._job.request.get("ProcessingInputs", []):
            self._fetch(one["S3Input"])
        self._configure()
        status = self._run_program()
        self._job.exit_message = self._message()
        if status and not self._job.stopping.is_set():
            raise JobFailedError("AlgorithmError: See job logs for more information")
        config = self._job.request.get("ProcessingOutputConfig", {})
        for one in [] if status else config.get("Outputs", []):
            self._store(one["S3Output"], config.get("KmsKeyId"))

    def cancel(self) -> None:
        """End the program and what it started; may be called from any thread."""
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Put the program's log where AWS would."""
        self._s3.close()
        with contextlib.suppress(BotoCoreError, ClientError):
            send_log(self._log, self._job, self._credentials, self._roles)

    def _place(self, path: str) -> Path:
        """Where a path of the container lies here."""
        return self.scratch / path.lstrip("/")

    def _fetch(self, source: dict) -> None:
        try:
            for item in input_objects(self._s3, source, self._role, self._job.region):
                target = self._place(source["LocalPath"]) / item.relative
                if ".." in target.parts:
                    raise JobFailedError(f"ClientError: {item.location} would lie outside of {source['LocalPath']}")
                target.parent.mkdir(parents=True, exist_ok=True)
                self._download(item.location, target)
        except NoInputError as error:
            raise JobFailedError(str(error)) from error

    def _download(self, location: Location, target: Path) -> None:
        try:
            self._s3.download_file(location.bucket, location.key, str(target))
        except (BotoCoreError, ClientError) as error:
            raise JobFailedError(f"ClientError: {refusal(error, self._role, 's3:GetObject', location)}") from error

    def _configure(self) -> None:
        folder = self._place("/opt/ml/config")
        folder.mkdir(parents=True)
        self._place("/opt/ml/output").mkdir()
        about = {"ProcessingJobArn": self._job.arn, **self._job.request}
        (folder / "processingjobconfig.json").write_text(json.dumps(about))
        (folder / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))

    def _run_program(self) -> int:
        program = self._job.request["AppSpecification"]
        words = [*program["ContainerEntrypoint"], *program.get("ContainerArguments", [])]
        # There is no container whose root could be the scratch folder, so paths of the contract are told as they are.
        command = [str(self._place(word)) if word.startswith(ROOT) else word for word in words]
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
            self.cancel()  # what it may have started as well
            self._process.wait()

    def _start(self, command: list[str]) -> None:
        with self._lock, self._log.open("ab") as log:
            if self._job.stopping.is_set():
                command = ["true"]  # the stop came before there was a program to end
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
        """AWS hands the role's keys over by a URL; neither region nor endpoint is set by the service."""
        keys = {
            "AWS_ACCESS_KEY_ID": self._credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self._credentials["SessionToken"],
            "AWS_ENDPOINT_URL": self._roles.endpoint,
        }
        return process(self.scratch) | keys | self._job.request.get("Environment", {})

    def _message(self) -> str | None:
        """What the program left to be told, once it has ended."""
        path = self._place("/opt/ml/output/message")
        return path.read_text(errors="replace")[:MESSAGE] if path.is_file() else None

    def _store(self, target: dict, key: str | None) -> None:
        """Upload a folder that the program wrote into; one that it did not make is empty."""
        folder, place = self._place(target["LocalPath"]), Location.parse(target["S3Uri"])
        headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                where = Location(place.bucket, f"{place.key.rstrip('/')}/{path.relative_to(folder)}".lstrip("/"))
                self._upload(path, where, headers)

    def _upload(self, path: Path, where: Location, headers: dict[str, str]) -> None:
        try:
            self._s3.upload_file(str(path), where.bucket, where.key, ExtraArgs=headers)
        except Exception as error:  # upload_file wraps what S3 said in an exception of its own
            cause = error.__context__ if isinstance(error.__context__, ClientError) else error
            raise JobFailedError(f"ClientError: {refusal(cause, self._role, 's3:PutObject', where)}") from error
