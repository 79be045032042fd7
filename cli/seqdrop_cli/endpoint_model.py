"""A real-time endpoint as the source of predictions: which model it serves, and the requests of a file's work items."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import ClientError
from seqdrop.aws import keys
from seqdrop.aws.errors import code_of, message_of
from seqdrop.errors import SeqdropError
from seqdrop.models import pointers
from seqdrop.models.archives import archive_of

from seqdrop_cli.request_sizes import RequestSizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from seqdrop.config.analyses import Analysis
    from seqdrop.models.archives import ModelArchive
    from seqdrop.sagemaker.runtime_client import RuntimeClient

    from seqdrop_cli.prediction import Predictor
    from seqdrop_cli.target import Target

JSON_LINES = "application/jsonlines"
IN_FLIGHT = 4  # requests at the same time: an instance computes while others travel, and further instances have work
# SageMaker ends a request after 60 s. Without a longer wait here, a request would be sent again while it is computed.
PATIENCE = Config(read_timeout=75, retries={"mode": "standard", "total_max_attempts": 5})


class EndpointError(SeqdropError):
    """The endpoint does not predict; the message says what to do."""


@dataclass(frozen=True)
class EndpointModel:
    """The endpoint `name` of a stack. `model` is the model of the analysis, whose archive it should serve."""

    target: Target
    name: str
    model: str

    @property
    def job(self) -> str:
        """The name of the endpoint."""
        return self.name

    @cached_property
    def configuration(self) -> str:
        """The name of the configuration that it had when this was first read."""
        return self._read_configuration()

    @cached_property
    def archive(self) -> ModelArchive:
        """The archive that the endpoint serves, as the model's pointer describes it. Raise EndpointError."""
        key = self._find_key()
        pointer = pointers.read(self.target.client("s3"), self.target.models, keys.model_pointer(self.model))
        versions = [pointer["current"], *pointer["history"]] if pointer else []
        for version in versions:
            if version.get("key") == key:
                return archive_of(self.model, version)
        raise EndpointError(
            f"the endpoint {self.name} serves {key or 'an unknown archive'}, which is no version of the model "
            f"{self.model!r}: name the endpoint of another analysis, or push the model with `seqdrop models push`"
        )

    @contextmanager
    def open(self, analysis: Analysis) -> Iterator[Predictor]:
        """Yield the predictor. It raises EndpointError, also if the endpoint got another model before the last item."""
        analysis.kind.check_archive(self.archive, analysis)
        config = self.target.client_config.merge(PATIENCE)
        client: RuntimeClient = self.target.session.client(
            "sagemaker-runtime",
            endpoint_url=self.target.endpoint,
            config=config,
        )

        def predict(items: Iterable[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
            yield from Requests(client, self.name).predict(items)
            self._check_unchanged()

        yield predict

    def _read_configuration(self) -> str:
        try:
            endpoint = self.target.client("sagemaker").describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            raise describe_refusal(self.name, error) from error
        if endpoint.get("PendingDeploymentSummary"):
            raise EndpointError(
                f"the endpoint {self.name} is getting another model, so a part of the requests would be predicted by "
                "each; repeat the command when `seqdrop endpoint list` says InService"
            )
        if "EndpointConfigName" not in endpoint:
            raise EndpointError(
                f"the endpoint {self.name} is {endpoint['EndpointStatus']}; repeat the command when `seqdrop endpoint "
                "list` says InService"
            )
        return endpoint["EndpointConfigName"]

    def _find_key(self) -> str:
        """Return the key of the archive in the models bucket; "" if the model is not from there."""
        sagemaker = self.target.client("sagemaker")
        configuration = sagemaker.describe_endpoint_config(EndpointConfigName=self.configuration)
        model = sagemaker.describe_model(ModelName=configuration["ProductionVariants"][0]["ModelName"])
        container = model["PrimaryContainer"]
        uri = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", "")
        prefix = f"s3://{self.target.models}/"
        return uri.removeprefix(prefix) if uri.startswith(prefix) else ""

    def _check_unchanged(self) -> None:
        if self._read_configuration() != self.configuration:
            raise EndpointError(
                f"the endpoint {self.name} got another model while it predicted, so nothing is written; repeat the "
                "command"
            )


@dataclass
class Requests:
    """Requests to an endpoint, IN_FLIGHT at the same time, whose responses are returned in order."""

    client: RuntimeClient
    name: str
    sizes: RequestSizes = field(default_factory=RequestSizes)

    def predict(self, items: Iterable[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
        """Yield each request with its lines. Raise EndpointError."""
        waiting: deque[tuple[bytes, Future[list[bytes]]]] = deque()
        threads = ThreadPoolExecutor(IN_FLIGHT)
        try:
            for body in chain(self.sizes.pack(items), [None]):
                if body is not None:
                    waiting.append((body, threads.submit(self._send, body)))
                while waiting and (body is None or len(waiting) >= IN_FLIGHT):
                    request, lines = waiting.popleft()
                    yield request, lines.result()
        finally:
            threads.shutdown(cancel_futures=True)

    def _send(self, body: bytes) -> list[bytes]:
        began = time.monotonic()
        content = self._invoke(body)
        self.sizes.adapt(len(body), time.monotonic() - began, len(content))
        lines, items = content.split(b"\n"), body.count(b"\n") + 1
        if len(lines) != items:
            raise EndpointError(
                f"the endpoint {self.name} returned {len(lines)} lines for {items} work items; name an endpoint that "
                "Seqdrop made"
            )
        return lines

    def _invoke(self, body: bytes) -> bytes:
        try:
            response = self.client.invoke_endpoint(
                EndpointName=self.name, ContentType=JSON_LINES, Accept=JSON_LINES, Body=body
            )
        except ClientError as error:
            raise describe_refusal(self.name, error) from error
        content: bytes = response["Body"].read()
        return content.rstrip(b"\n")


def describe_refusal(name: str, error: ClientError) -> Exception:
    """Return the EndpointError that says what to do about an error of SageMaker, or the error itself."""
    code, message = code_of(error), message_of(error)
    if code in ("ValidationException", "ValidationError"):
        return EndpointError(
            f"there is no endpoint {name} ({message}): `seqdrop endpoint list` shows those of the stack, `seqdrop "
            "endpoint start` makes one again; without one, predict on this machine with --model"
        )
    if code == "ModelError":
        status = error.response.get("OriginalStatusCode", "an error")
        reason = error.response.get("OriginalMessage", message)
        return EndpointError(f"the model of the endpoint {name} returned {status}: {reason}; repeating does not help")
    if code in ("ModelNotReadyException", "ServiceUnavailable", "ThrottlingException"):
        return EndpointError(f"the endpoint {name} is busy or starts ({code}: {message}); repeat in some minutes")
    return error
