"""Asynchronous requests to endpoints of SageMaker in memory: a queue, outputs in S3, and messages.

A request ends USUAL after it was accepted, unless a test says how. Its messages are passed to `on_result`. The rules
are those of the embedded SageMaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError
from tests.support.aws.model import CrashError, predict

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.aws.clock import Clock
    from tests.support.aws.s3 import S3
    from tests.support.aws.sagemaker import SageMaker

USUAL = timedelta(minutes=1)
FAILS, EXPIRES, HANGS = ENDINGS = ("fails", "expires", "hangs")
COMPLETED, FAILED, EXPIRED = "Completed", "Failed", "Expired"


@dataclass
class Request:
    """A request that an endpoint accepted. `ends` is when it ends (None: never, or it has ended)."""

    request: dict
    received: datetime
    ends: datetime | None
    ending: str | None
    output: str
    failure: str

    @property
    def endpoint(self) -> str:
        return self.request["EndpointName"]


class Runtime:
    """SageMaker's runtime. `endings` says how the n-th request ends (from 0), `refusals` the codes of the next calls.

    `predicted` has the inference id of each request that the model predicted.
    """

    def __init__(self, clock: Clock, s3: S3, sagemaker: SageMaker, on_result: Callable[[dict], None]):
        self._clock, self._s3, self._sagemaker, self._on_result = clock, s3, sagemaker, on_result
        self.requests: list[Request] = []
        self.endings: dict[int, str] = {}
        self.refusals: list[str] = []
        self.predicted: list[str] = []

    def next_at(self) -> float | None:
        return min((request.ends.timestamp() for request in self.requests if request.ends), default=None)

    def run(self) -> None:
        """End the requests whose time has come."""
        for request in self.requests:
            if request.ends and request.ends <= self._clock.now:
                request.ends = None
                self._end(request)

    def _end(self, request: Request) -> None:
        endpoint = self._sagemaker.endpoints.get(request.endpoint)
        if endpoint is None or endpoint.created > request.received or endpoint.status == "Deleting":
            return  # its queue is gone
        if request.ending == EXPIRES:
            self._report(request, EXPIRED)
            return
        try:
            if request.ending == FAILS:
                raise CrashError
            self._put(request.output, self._predict(request, endpoint.configuration))
        except CrashError:
            self._put(request.failure, b"ModelError: the container responded with status 500")
            self._report(request, FAILED)
            return
        self._report(request, COMPLETED)

    def _predict(self, request: Request, configuration: str) -> bytes:
        (variant,) = self._sagemaker.configurations[configuration]["ProductionVariants"]
        container = self._sagemaker.models[variant["ModelName"]]["PrimaryContainer"]
        body = self._s3.read(*_split(request.request["InputLocation"]))
        if body is None:
            raise CrashError
        archive = container.get("ModelDataUrl") or container["ModelDataSource"]["S3DataSource"]["S3Uri"]
        output = predict(body, archive)
        self.predicted.append(request.request["InferenceId"])
        return output.removesuffix(b"\n")  # as inference.py joins its lines

    def _put(self, location: str, body: bytes) -> None:
        bucket, key = _split(location)
        self._s3.put(bucket, key, body)

    def _report(self, request: Request, status: str) -> None:
        self._on_result(
            {
                "invocationStatus": status,
                "requestParameters": {
                    "endpointName": request.endpoint,
                    "inputLocation": request.request["InputLocation"],
                },
                "responseParameters": {"outputLocation": request.output} if status == COMPLETED else {},
                "inferenceId": request.request["InferenceId"],
                "eventVersion": "1.0",
                "eventSource": "aws:sagemaker",
                "eventName": "InferenceResult",
            }
        )

    # -- the API --

    def invoke_endpoint_async(self, request: dict, headers: dict) -> dict:
        if self.refusals:
            raise RefusedError(self.refusals.pop(0), "no")
        endpoint = self._sagemaker.endpoints.get(request["EndpointName"])
        if endpoint is None or endpoint.status in ("Creating", "Failed", "Deleting"):
            raise RefusedError("ValidationError", f"Endpoint {request['EndpointName']} not found.")
        config = self._sagemaker.configurations[endpoint.configuration]["AsyncInferenceConfig"]["OutputConfig"]
        folder, identifier = request.get("S3OutputPathExtension", ""), request["InferenceId"]
        output = _join(config["S3OutputPath"], folder, request.get("Filename", f"{identifier}.out"))
        failure = _join(config["S3FailurePath"], folder, f"{identifier}-error.out")
        ending = self.endings.get(len(self.requests))
        ends = None if ending == HANGS else self._clock.now + USUAL
        self.requests.append(Request(request, self._clock.now, ends, ending, output, failure))
        return {"InferenceId": identifier, "OutputLocation": output, "FailureLocation": failure}


def _split(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key


def _join(*parts: str) -> str:
    return "/".join(part.strip("/") for part in parts if part)
