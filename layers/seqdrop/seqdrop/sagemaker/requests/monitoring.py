"""The request for a monitoring job: the code that examinations run, with a role that may read other objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.sagemaker.requests.processing import CodeJob, code_request
from seqdrop.sagemaker.tags import SEVERAL, cost_tags

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import CreateProcessingJobRequestTypeDef

    from seqdrop.config.settings import Settings
    from seqdrop.models.code_bundles import Code

SECONDS = 6 * 3600  # template.yaml has this bound


def monitoring_request(settings: Settings, name: str, code: Code, region: str) -> CreateProcessingJobRequestTypeDef:
    """Return a CreateProcessingJob request. Raise JobRefusedError if it exceeds a bound of the service."""
    tags = cost_tags("monitor", SEVERAL, [])
    return code_request(settings, CodeJob(name, settings.monitoring_role, code, SECONDS, tags), region)
