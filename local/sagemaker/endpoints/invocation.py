"""InvokeEndpoint and InvokeEndpointAsync: checked, authorised, and sent to a variant or into the queue."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from local.sagemaker import shapes
from local.sagemaker.access import SERVICE
from local.sagemaker.endpoints import rest
from local.sagemaker.endpoints.errors import InvocationDeniedError, InvocationError, ModelError, UnavailableError
from local.sagemaker.endpoints.records import Endpoint
from local.sagemaker.errors import AccessDeniedError, ServiceError, ValidationError
from local.sagemaker.host import ContainerError
from local.sagemaker.storage import Location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.sagemaker.access import Caller
    from local.sagemaker.endpoints.fleet import VariantServer
    from local.sagemaker.endpoints.hosts import Host, Hosts
    from local.sagemaker.endpoints.rest import Response
    from local.sagemaker.registry import Registry

logger = logging.getLogger("local.sagemaker")
TIMEOUT = 60  # seconds in which a container must respond
UNSUPPORTED = ("TargetModel", "TargetContainerHostname", "EnableExplanations", "InferenceComponentName", "SessionId")


class Invocations:
    """The operations of SageMaker's runtime."""

    def __init__(self, registry: Registry, hosts: Hosts) -> None:
        self._registry, self._hosts = registry, hosts
        self._operations = {"InvokeEndpoint": self._invoke, "InvokeEndpointAsync": self._enqueue}

    def respond(self, path: str, headers: Mapping[str, str], body: bytes, caller: Caller) -> Response:
        """Return status, headers and body of the response to a request of a caller."""
        try:
            request = rest.read_request(path, headers, body)
            if request is None:
                raise InvocationError(f"The embedded SageMaker has no resource {path}")
            operation, parameters = request
            host = self._admit(operation, parameters, caller)
            return rest.write_response(operation, self._operations[operation](host, parameters))
        except InvocationError as error:
            return rest.write_error(error)

    def _admit(self, operation: str, parameters: dict, caller: Caller) -> Host:
        """Return the host of an endpoint that takes this request; raise InvocationError if there is none."""
        name = parameters["EndpointName"]
        endpoint = self._registry.find(caller, Endpoint, name)
        tags = endpoint.tags if endpoint else {}
        try:
            shapes.check(operation, parameters, rest.SERVICE)
            caller.require(f"{SERVICE}:{operation}", caller.make_arn("endpoint", name), parameters_of(parameters), tags)
        except ValidationError as error:
            raise InvocationError(error.message) from error
        except AccessDeniedError as error:
            raise InvocationDeniedError(error.message) from error
        for member in UNSUPPORTED:
            if parameters.get(member):
                raise InvocationError(f"{member} is not supported by the embedded SageMaker")
        host = self._hosts.find(endpoint.arn) if endpoint else None
        if host is None or endpoint.name != name or host.traffic.blue is None:
            raise InvocationError(f"Endpoint {name} of account {caller.account} not found.")
        if endpoint.release.is_async != (operation == "InvokeEndpointAsync"):
            kind = "asynchronous" if endpoint.release.is_async else "real-time"
            raise InvocationError(f"Endpoint {name} is {kind} and does not support {operation}.")
        return host

    def _invoke(self, host: Host, parameters: dict) -> dict:
        target = parameters.get("TargetVariant")
        with host.traffic.enter(target) as server:
            if server is None:
                if target and target not in host.endpoint.release.variants:
                    raise InvocationError(f"Variant {target} not found for endpoint {host.endpoint.name}.")
                raise UnavailableError(f"Endpoint {host.endpoint.name} has no instance in service.")
            content = self._send(host, server, parameters)
        response = {"Body": content, "ContentType": parameters.get("Accept") or "application/json"}
        if response["ContentType"] == "*/*":
            response["ContentType"] = "application/json"
        return response | {"InvokedProductionVariant": server.name}

    def _send(self, host: Host, server: VariantServer, parameters: dict) -> bytes:
        body, content_type, accept = parameters["Body"], parameters.get("ContentType"), parameters.get("Accept")
        try:
            with host.metrics.measure(host.endpoint, server):
                content = server.invoke(body, content_type, accept, TIMEOUT)
        except ContainerError as error:
            group = f"/aws/sagemaker/Endpoints/{host.endpoint.name}"
            arn = f"arn:aws:logs:{host.endpoint.region}:{host.endpoint.account}:log-group:{group}"
            kind = "client" if error.status < 500 else "server"
            raise ModelError(
                f'Received {kind} error ({error.status}) from {server.name} with message "{error}". '
                f"See {group} in account {host.endpoint.account} for more information.",
                OriginalStatusCode=error.status,
                OriginalMessage=str(error),
                LogStreamArn=arn,
            ) from error
        host.capture.add(server, parameters, content)
        return content

    def _enqueue(self, host: Host, parameters: dict) -> dict:
        if ("Body" in parameters) == ("InputLocation" in parameters):
            raise InvocationError("Exactly one of InputLocation and Body must be specified.")
        if "InputLocation" in parameters:
            try:
                Location.parse(parameters["InputLocation"])
            except ServiceError as error:
                raise InvocationError(error.message) from error
        return host.backlog.add(parameters, time.time())


def parameters_of(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that a condition may read, without the payload."""
    return {name: value for name, value in parameters.items() if name != "Body"}
