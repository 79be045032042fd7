"""The environment of an endpoint's container: that of jobs, and the settings of its analysis."""

from __future__ import annotations

from dataclasses import replace

from seqdrop.config.endpoint import Endpoint
from seqdrop.config.settings import Settings
from seqdrop.kinds.plans import packaged
from seqdrop.models.archives import ModelArchive, model_request
from seqdrop.sagemaker.requests.endpoint import ONE_THREAD, endpoint_model_request
from seqdrop.sagemaker.serving import list_servings

CONTIGS = replace(packaged().by_name["contigs"], endpoint=Endpoint())


def test_an_endpoint_has_the_environment_of_jobs_and_analysis():
    names = {name: name for name in Settings.__dataclass_fields__}
    settings = replace(Settings(**names), stack="lab", instance_count=1, instance_type="ml.m5.xlarge")
    (serving,) = list_servings(settings, [CONTIGS])
    archive = ModelArchive("m", "k", "d")
    endpoint, job = endpoint_model_request(settings, serving, archive), model_request(settings, archive, 6)
    environment, of_job = (request["PrimaryContainer"]["Environment"] for request in (endpoint, job))
    assert environment == of_job | CONTIGS.kind.environment(CONTIGS) | ONE_THREAD
    assert endpoint["ModelName"] != job["ModelName"]
