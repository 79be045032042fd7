"""The client `sagemaker-runtime`, which sends requests to endpoints; boto3-stubs for it are not among the requirements.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Runtime.html
"""

from __future__ import annotations

from typing import Any, Protocol


class RuntimeClient(Protocol):
    """The operations that are used. Both raise ClientError if the endpoint is missing, or does not accept the call."""

    def invoke_endpoint(self, **request: object) -> dict[str, Any]:
        """Send a request to a real-time endpoint and return its response, which has the stream `Body`."""

    def invoke_endpoint_async(self, **request: object) -> dict[str, Any]:
        """Queue a request at an asynchronous endpoint and return the locations of its output and of its failure."""
