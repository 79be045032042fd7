"""What an endpoint should be now: the current archive of its model, and the requests that serve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.models.archives import current_archive
from seqdrop.sagemaker.requests.endpoint import configuration_request, endpoint_model_request

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateEndpointConfigInputTypeDef, CreateModelInputTypeDef

    from seqdrop.models.archives import ModelArchive
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.serving import Serving


@dataclass(frozen=True)
class EndpointPlan:
    """An endpoint with the archive that it should serve, and the requests for its model and its configuration."""

    serving: Serving
    archive: ModelArchive
    model: CreateModelInputTypeDef
    request: CreateEndpointConfigInputTypeDef

    @property
    def name(self) -> str:
        """Name of the endpoint."""
        return self.serving.name

    @property
    def configuration(self) -> str:
        """Name of the configuration that it should have."""
        return self.request["EndpointConfigName"]


def plan_endpoint(services: Services, serving: Serving) -> EndpointPlan:
    """Return the plan of an endpoint. Raise JobRefusedError if there is no model yet, or it does not suit."""
    bucket, analysis = services.settings.models, serving.analysis
    archive = current_archive(services.s3, bucket, analysis.model).pinned(services.s3, bucket)
    analysis.kind.check_archive(archive, analysis)
    model = endpoint_model_request(services.settings, serving, archive)
    request = configuration_request(services.settings, serving, model["ModelName"])
    return EndpointPlan(serving, archive, model, request)
