"""The CloudWatch metrics of endpoints, in the namespaces and with the dimensions of AWS."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING

from local.calls import CallError, UnreachableError
from local.sagemaker.host import ContainerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.calls import Remote
    from local.sagemaker.endpoints.fleet import VariantServer
    from local.sagemaker.endpoints.records import Endpoint

logger = logging.getLogger("local.sagemaker")
NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1e6


class Metrics:
    """Publishes metrics; a failure to do so is only in the log."""

    def __init__(self, account: Remote) -> None:
        self._account = account

    @contextlib.contextmanager
    def measure(self, endpoint: Endpoint, server: VariantServer) -> Iterator[None]:
        """Publish the invocation of a container that the block makes."""
        start, status = time.perf_counter(), 200
        try:
            yield
        except ContainerError as error:
            status = error.status
            raise
        finally:
            self._record_invocation(endpoint, server, status, time.perf_counter() - start)

    def _record_invocation(self, endpoint: Endpoint, server: VariantServer, status: int, seconds: float) -> None:
        values = {
            "Invocations": (1, "None"),
            "InvocationsPerInstance": (1 / max(1, server.state.instances), "None"),
            "Invocation4XXErrors": (int(400 <= status < 500), "None"),
            "Invocation5XXErrors": (int(status >= 500), "None"),
            "ModelLatency": (seconds * MICROSECONDS, "Microseconds"),
        }
        variant = {"EndpointName": endpoint.name, "VariantName": server.name}
        self._put(endpoint, values, variant, variant | {"EndpointConfigName": server.config})

    def record_backlog(self, endpoint: Endpoint, size: int, instances: int) -> None:
        """Publish the size of the queue of an asynchronous endpoint."""
        values = {
            "ApproximateBacklogSize": (size, "Count"),
            "HasBacklogWithoutCapacity": (int(size > 0 and instances == 0), "Count"),
        }
        if instances:  # without instances, this metric has no data
            values["ApproximateBacklogSizePerInstance"] = (size / instances, "Count")
        self._put(endpoint, values, {"EndpointName": endpoint.name})

    def record_result(self, endpoint: Endpoint, status: str, in_backlog: float, in_all: float) -> None:
        """Publish the end of an asynchronous request: its status, and seconds in the queue and in total."""
        counts = {"Completed": "InvocationsProcessed", "Failed": "InvocationFailures", "Expired": "ExpiredRequests"}
        values = {
            counts[status]: (1, "Count"),
            "TimeInBacklog": (in_backlog * 1000, "Milliseconds"),
            "TotalProcessingTime": (in_all * 1000, "Milliseconds"),
        }
        self._put(endpoint, values, {"EndpointName": endpoint.name})

    def _put(self, endpoint: Endpoint, values: dict[str, tuple[float, str]], *dimensions: dict[str, str]) -> None:
        data = [
            {
                "MetricName": name,
                "Value": value,
                "Unit": unit,
                "Dimensions": [{"Name": key, "Value": text} for key, text in each.items()],
            }
            for each in dimensions
            for name, (value, unit) in values.items()
        ]
        try:
            self._account.call("put_metrics", NAMESPACE, data, endpoint.account, endpoint.region)
        except (CallError, UnreachableError):
            logger.exception("no metrics of endpoint %s", endpoint.name)
