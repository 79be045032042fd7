"""The work of a training job: download its channels, run its script, upload its outputs, with the job's role."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.archive import BadArchiveError, unpack
from local.sagemaker.checkpoints import Checkpoints
from local.sagemaker.inputs import NoInputError, list_inputs
from local.sagemaker.job_errors import JobFailedError, JobStoppedError
from local.sagemaker.logs import send_log
from local.sagemaker.metrics import extract_final_metrics
from local.sagemaker.script_mode import read_toolkit_setting, script_command, script_environment
from local.sagemaker.storage import Location
from local.sagemaker.transfer import Transfer

if TYPE_CHECKING:
    from local.sagemaker.job_records import TrainingJob
    from local.sagemaker.roles import Roles

DEFAULT_SECONDS = 86400
GRACE_SECONDS = 120  # between SIGTERM and SIGKILL, as in SageMaker
ML = "/opt/ml"
ISOLATION = Path(__file__).with_name("isolation.py")


class TrainingExecution:
    """The work of a job in a folder; `container.log` stays there, `scratch` may be removed afterwards."""

    def __init__(self, job: TrainingJob, folder: Path, roles: Roles) -> None:
        self._job, self._roles = job, roles
        self._log, self.scratch = folder / "container.log", folder / "scratch"
        self._ml = self.scratch / ML.lstrip("/")
        for name in ("input/data", "input/config", "model", "output/data", "output/intermediate"):
            (self._ml / name).mkdir(parents=True)
        self._credentials = roles.credentials(job.role)
        self._s3 = roles.client("s3", self._credentials, job.region)
        key = job.request["OutputDataConfig"].get("KmsKeyId")
        self._transfer = Transfer(self._s3, job.role, job.region, key)
        config = job.request.get("CheckpointConfig")
        self._checkpoints = Checkpoints(config, self._ml / "checkpoints", self._transfer)
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Run the job.

        Checkpoints are always uploaded; the model is uploaded unless the job failed.

        Raise JobFailedError if an input is missing or the script's exit status is not 0, JobStoppedError after
        MaxRuntimeInSeconds.
        """
        self._job.enter("Downloading")
        for channel in self._job.request.get("InputDataConfig", []):
            self._fetch(channel)
        self._checkpoints.download()
        self._configure()
        script = self._unpack_script()
        self._job.enter("Training")
        try:
            is_in_time = self._run_script(script)
        finally:
            self._checkpoints.finish()
            self._job.metrics = extract_final_metrics(self._log, self._definitions())
        if self._process.returncode and is_in_time and not self._job.stopping.is_set():
            raise JobFailedError(self._failure())
        self._job.enter("Uploading")
        self._store()
        if not is_in_time:
            self._job.overtime = True
            raise JobStoppedError("")

    def cancel(self) -> None:
        """Send SIGTERM to the script, and SIGKILL after GRACE_SECONDS; any thread may call this."""
        self._signal(signal.SIGTERM)
        threading.Thread(target=self._kill_late, daemon=True).start()

    def close(self) -> None:
        """Send the script's log to CloudWatch Logs."""
        self._ended.set()
        self._s3.close()
        with contextlib.suppress(BotoCoreError, ClientError):
            send_log(self._log, self._job, self._credentials, self._roles)

    def _kill_late(self) -> None:
        if not self._ended.wait(GRACE_SECONDS):
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with self._lock:
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)

    def _definitions(self) -> list[dict]:
        return self._job.request["AlgorithmSpecification"].get("MetricDefinitions", [])

    def _fetch(self, channel: dict) -> None:
        folder, source = self._ml / "input/data" / channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        try:
            for item in list_inputs(self._s3, source, self._job.role, self._job.region):
                self._transfer.download(item.location, folder / (item.relative or Path(item.location.key).name), folder)
        except NoInputError as error:
            raise JobFailedError(str(error)) from error

    def _configure(self) -> None:
        folder, request = self._ml / "input/config", self._job.request
        channels = {
            channel["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for channel in request.get("InputDataConfig", [])
        }
        kind = request["ResourceConfig"]["InstanceType"]
        group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": ["algo-1"]}
        resources = {
            "current_host": "algo-1",
            "current_instance_type": kind,
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1"],
            "instance_groups": [group],
            "network_interface_name": "lo",
        }
        contents = {"hyperparameters": request.get("HyperParameters", {}), "inputdataconfig": channels}
        for name, content in {**contents, "resourceconfig": resources}.items():
            (folder / f"{name}.json").write_text(json.dumps(content))

    def _unpack_script(self) -> Path:
        """Unpack the code from an archive in S3 or in a channel, and return the path of the script."""
        hyperparameters = self._job.request["HyperParameters"]
        program = read_toolkit_setting(hyperparameters, "sagemaker_program")
        source = read_toolkit_setting(hyperparameters, "sagemaker_submit_directory")
        archive = self.scratch / "sourcedir.tar.gz"
        if source.startswith("s3://"):
            self._transfer.download(Location.parse(source), archive, self.scratch)
        else:
            archive = self.scratch / source.lstrip("/")
        try:
            unpack(archive, self._ml / "code")
        except BadArchiveError as error:
            raise JobFailedError(f"AlgorithmError: framework error: {error}") from error
        script = self._ml / "code" / program
        if not script.is_file():
            raise JobFailedError(f"AlgorithmError: framework error: there is no {program} in the code")
        return script

    def _run_script(self, script: Path) -> bool:
        """Run the script until it ends; return False if MaxRuntimeInSeconds ended it."""
        limit = self._job.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_SECONDS)
        self._start(script)
        try:
            self._process.wait(limit)
            return True
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
            return False
        finally:
            self._signal(signal.SIGKILL)  # also ends the processes that it started
            self._process.wait()

    def _start(self, script: Path) -> None:
        with self._lock, self._log.open("ab") as log:
            words = script_command(self._job, script)
            if self._job.stopping.is_set():
                words = ["true"]  # the job was stopped before the script existed
            environment = script_environment(self._job, self.scratch, self._ml)
            if self._is_isolated:
                words = [sys.executable, "-I", str(ISOLATION), *words]
            self._process = subprocess.Popen(
                words,
                cwd=script.parent,
                env=environment if self._is_isolated else environment | self._keys(),
                process_group=0,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def _is_isolated(self) -> bool:
        return bool(self._job.request.get("EnableNetworkIsolation"))

    def _keys(self) -> dict[str, str]:
        """Return the role's keys as variables; AWS provides them by a URL."""
        return {
            "AWS_ACCESS_KEY_ID": self._credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": self._credentials["SessionToken"],
            "AWS_ENDPOINT_URL": self._roles.endpoint,
        }

    def _failure(self) -> str:
        """Return the failure that the script wrote, or else the toolkit's text: exit code and last line of the log."""
        status, path = self._process.returncode, self._ml / "output/failure"
        if path.is_file() and (text := path.read_text(errors="replace").strip()):
            return f"AlgorithmError: {text}"
        last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        return f'AlgorithmError: ExecuteUserScriptError:\nExitCode {status}\nErrorMessage "{"".join(last)}"'

    def _store(self) -> None:
        uri = f"{self._job.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._job.name}/output"
        self._transfer.upload_folder(self._ml / "model", uri, "model.tar.gz")
        self._transfer.upload_folder(self._ml / "output/data", uri, "output.tar.gz")
