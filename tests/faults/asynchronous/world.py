"""An account with an asynchronous endpoint, which gets the current model soon after the pointer was moved.

It is made and updated as the stage serve does, with the stage's own requests, but without its function: an update may
end while requests wait, and the next model then predicts them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.models.archives import current_archive
from seqdrop.runtime.services import services
from seqdrop.sagemaker.requests.endpoint import configuration_request, endpoint_model_request
from seqdrop.sagemaker.serving import list_servings

from tests.faults.files import MODEL, MODELS, point_to
from tests.faults.world import World
from tests.support.aws.direct import Client
from tests.support.aws.endpoints import Endpoint

if TYPE_CHECKING:
    from tests.support.aws.account import Call
    from tests.support.aws.buckets import Bucket, Version

UPDATE = 30  # seconds; a request takes longer
DELETE_ENDPOINT, MAKE_ENDPOINT = "delete the endpoint", "make the endpoint"
UNDER_WAY = POINT_UNDER_WAY, DELETE_UNDER_WAY = ("other model under way", "delete the endpoint under way")
ENDPOINT_ACTS = (DELETE_ENDPOINT, MAKE_ENDPOINT, *UNDER_WAY)


class AsyncWorld(World):
    """The account of the family `async`."""

    def __init__(self):
        super().__init__()
        self._due: float | None = None
        self._is_wanted = True
        self._next: list[str] = []  # acts that are delayed until a request is accepted

    def _on_create(self, bucket: Bucket, version: Version) -> None:
        super()._on_create(bucket, version)
        if bucket.name == self.name("models") and version.key.endswith("/current.json"):
            self._serve()

    def _serve(self) -> None:
        """Create the endpoint with the current model, or begin an update to it, unless the lab deleted the endpoint."""
        name, configuration = self._configure()
        endpoint = self.sagemaker.endpoints.get(name)
        if endpoint:
            endpoint.status, endpoint.wanted = "Updating", configuration
            self._due = self.clock.seconds + UPDATE
        elif self._is_wanted:
            now = self.clock.now
            self.sagemaker.endpoints[name] = Endpoint(name, configuration, now, now, "InService")

    def _configure(self) -> tuple[str, str]:
        """Make model and configuration of the current archive; return the names of endpoint and configuration."""
        settings, s3 = services().settings, Client(self, "s3")
        (serving,) = list_servings(settings, services().analyses.by_name.values())
        archive = current_archive(s3, settings.models, MODEL).pinned(s3, settings.models)
        model = endpoint_model_request(settings, serving, archive)
        if model["ModelName"] not in self.sagemaker.models:
            self.sagemaker.create_model(model, {})
        request = configuration_request(settings, serving, model["ModelName"])
        self.sagemaker.configurations[request["EndpointConfigName"]] = request
        return serving.name, request["EndpointConfigName"]

    def call(self, call: Call) -> dict:
        response = super().call(call)
        if call.operation == "InvokeEndpointAsync" and self._next:
            self._perform_under_way(self._next.pop(0))
        return response

    def _perform_under_way(self, act: str) -> None:
        if act == DELETE_UNDER_WAY:
            self.perform(DELETE_ENDPOINT)
            return
        pointer = json.loads(self.s3.read(self.name("models"), f"models/{MODEL}/current.json"))
        point_to(self, next(name for name in MODELS if name not in pointer["current"]["key"]))

    def perform(self, act: str) -> bool:
        """Delete the endpoint, or make it again; at once, or when a request was accepted."""
        if act in UNDER_WAY:
            self._next.append(act)
        elif act == DELETE_ENDPOINT:
            self.sagemaker.endpoints.clear()
            self._is_wanted, self._due = False, None
        elif act == MAKE_ENDPOINT and not self.sagemaker.endpoints:
            self._is_wanted = True
            self._serve()
        return act in ENDPOINT_ACTS

    def next_at(self) -> float | None:
        """Return when the next job, request or update ends by itself; None if none does."""
        times = [super().next_at(), self._due]
        return min((at for at in times if at is not None), default=None)

    def run(self) -> None:
        """End what is due: an update before requests, which the next model then predicts."""
        if self._due is not None and self._due <= self.clock.seconds:
            self._due = None
            for name in self.sagemaker.endpoints:
                self.sagemaker.end_change(name)
        super().run()
