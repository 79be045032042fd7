"""The work of a transform job, from its model data to its outputs, with the model's execution role."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.environment import DEFAULT_PAYLOAD_MB, make_environment
from local.sagemaker.host import Container, ContainerError, ModelNotLoadedError
from local.sagemaker.inputs import NoInputError, list_inputs
from local.sagemaker.job_errors import JobFailedError
from local.sagemaker.logs import send_log
from local.sagemaker.model_data import ModelDataError, ObjectFailedError, fetch_model, read_chunks
from local.sagemaker.records import MEBIBYTE, BadRecordError, inflate, payloads
from local.sagemaker.storage import Location, explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.sagemaker.inputs import InputObject
    from local.sagemaker.job_records import TransformJob
    from local.sagemaker.roles import Roles
    from local.warm import Zygote

DEFAULT_TIMEOUT = 600
SEE_LOGS = "See job logs for more information"


class Execution:
    """The work of a job in a folder; `container.log` stays there, `scratch` may be removed afterwards."""

    def __init__(self, job: TransformJob, folder: Path, roles: Roles, zygote: Zygote | None = None) -> None:
        self._job, self._role, self._roles = job, job.model.role, roles
        self._input, self._output = job.request["TransformInput"], job.request["TransformOutput"]
        self._log, self.scratch = folder / "container.log", folder / "scratch"
        self._model_dir = self.scratch / "opt/ml/model"
        self.scratch.mkdir(parents=True)
        self._credentials = roles.credentials(self._role)
        self._s3 = roles.client("s3", self._credentials, job.region)
        environment = make_environment(job, self.scratch, self._model_dir)
        self._container = Container(
            self._model_dir, environment, self._log, job.stopping, zygote, is_isolated=job.model.is_isolated
        )

    def run(self) -> None:
        """Transform every input object.

        Raise JobFailedError if an object has no output; the outputs of the others are then complete.
        """
        self._fetch_model()
        try:
            source = self._input["DataSource"]["S3DataSource"]
            objects = list_inputs(self._s3, source, self._role, self._job.region)
        except NoInputError as error:
            raise JobFailedError(str(error)) from error
        failures = list(self._failures(objects))
        if failures:
            more = f" ({len(failures) - 1} more objects failed)" if len(failures) > 1 else ""
            raise JobFailedError(f"{failures[0]}{more}. {SEE_LOGS}")

    def cancel(self) -> None:
        """Make `run` end soon; any thread may call this."""
        self._container.kill()

    def close(self) -> None:
        """End the container, and send its log to CloudWatch Logs."""
        self._container.close()
        self._s3.close()
        with contextlib.suppress(BotoCoreError, ClientError):
            send_log(self._log, self._job, self._credentials, self._roles)

    def _fetch_model(self) -> None:
        try:
            fetch_model(self._s3, self._job.model, self.scratch, self._model_dir)
        except ModelDataError as error:
            raise JobFailedError(f"ClientError: {error}") from error

    def _failures(self, objects: list[InputObject]) -> Iterator[str]:
        """Transform the objects in turn; yield a reason for each one that failed."""
        for item in objects:
            if self._job.stopping.is_set():
                return
            try:
                self._transform(item)
            except ModelNotLoadedError as error:
                raise JobFailedError(f"AlgorithmError: {item.location}: {error}. {SEE_LOGS}") from error
            except (ObjectFailedError, BadRecordError, ContainerError) as error:
                yield f"ClientError: {item.location}: {error}"

    def _transform(self, item: InputObject) -> None:
        draft, is_empty = self.scratch / "output", True
        with draft.open("wb") as output:
            for payload in self._payloads(item.location):
                self._invoke(payload, output)
                is_empty = False
        if is_empty:
            raise ObjectFailedError("the object is empty, and nothing was sent to the model")
        self._store(draft, item)

    def _payloads(self, location: Location) -> Iterator[bytes]:
        chunks = read_chunks(self._s3, location, self._role)
        if self._input.get("CompressionType") == "Gzip":
            chunks = inflate(chunks)
        # A MaxPayloadInMB of 0 means no limit.
        limit = self._job.request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB) * MEBIBYTE
        return payloads(
            chunks,
            split=self._input.get("SplitType") == "Line",
            single=self._job.request.get("BatchStrategy") == "SingleRecord",
            limit=limit or None,
        )

    def _invoke(self, payload: bytes, output: BinaryIO) -> None:
        client = self._job.request.get("ModelClientConfig", {})
        response = self._container.invoke(
            payload,
            self._input.get("ContentType"),
            self._output.get("Accept"),
            client.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT),
        )
        output.write(response)
        if self._output.get("AssembleWith") == "Line":
            output.write(b"\n")

    def _store(self, draft: Path, item: InputObject) -> None:
        folder = Location.parse(self._output["S3OutputPath"])
        names = [name for name in (folder.key.strip("/"), f"{item.relative}.out") if name]
        target = Location(folder.bucket, "/".join(names))
        try:
            self._s3.upload_file(str(draft), target.bucket, target.key, ExtraArgs=self._headers())
        except Exception as error:  # upload_file wraps the error of S3 in an exception of its own
            cause = error.__context__ if isinstance(error.__context__, ClientError) else error
            raise ObjectFailedError(explain(cause, self._role, "s3:PutObject", target)) from error

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self._output.get("Accept"):
            headers["ContentType"] = self._output["Accept"]
        if self._output.get("KmsKeyId"):
            headers |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._output["KmsKeyId"]}
        return headers
