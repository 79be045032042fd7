"""The operations on processing jobs, and the rules of CreateProcessingJob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.job_records import ProcessingJob
from local.sagemaker.jobs import Common, Jobs
from local.sagemaker.storage import Location

if TYPE_CHECKING:
    from local.sagemaker.access import Caller

ROOT = "/opt/ml/processing/"


class ProcessingJobs(Jobs):
    """The operations on processing jobs."""

    kind = ProcessingJob.kind

    def create(self, caller: Caller, request: dict) -> dict:
        """Create a job; refuse a role that the caller may not pass or that SageMaker cannot assume."""
        caller.require_pass_role(request["RoleArn"])
        self._roles.check_trust(request["RoleArn"])
        return super().create(caller, request)

    def _check(self, request: dict) -> None:
        if not request["AppSpecification"].get("ContainerEntrypoint"):
            raise NotSupportedLocallyError("a job without ContainerEntrypoint (the image is not run)")
        cluster = request["ProcessingResources"]["ClusterConfig"]
        if not {"InstanceCount", "InstanceType"} <= cluster.keys():
            raise NotSupportedLocallyError("a ClusterConfig without InstanceCount and InstanceType")
        if cluster["InstanceCount"] > 1:
            raise NotSupportedLocallyError("a job on several instances")
        if request.get("NetworkConfig", {}).get("EnableNetworkIsolation"):
            raise NotSupportedLocallyError("EnableNetworkIsolation")
        if request.get("NetworkConfig", {}).get("VpcConfig"):
            raise NotSupportedLocallyError("VpcConfig")
        outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
        _check_names("InputName", request.get("ProcessingInputs", []))
        _check_names("OutputName", outputs)
        for channel in request.get("ProcessingInputs", []):
            _check_input(channel)
        for channel in outputs:
            _check_output(channel)

    def _make_job(self, _caller: Caller, request: dict, common: Common) -> ProcessingJob:
        return ProcessingJob(request=request, **common)

    def _instance_type(self, request: dict) -> str:
        return request["ProcessingResources"]["ClusterConfig"]["InstanceType"]


def _check_names(member: str, channels: list[dict]) -> None:
    names = [channel[member] for channel in channels]
    if len(set(names)) != len(names):
        raise ValidationError(f"{member} must be unique within a processing job")


def _check_input(channel: dict) -> None:
    source = channel.get("S3Input")
    if bool(source) == bool(channel.get("DatasetDefinition")):
        raise ValidationError("Exactly one of S3Input and DatasetDefinition must be specified for each ProcessingInput")
    if source is None or channel.get("AppManaged"):
        raise NotSupportedLocallyError("a DatasetDefinition or an input that is AppManaged")
    only_values = {
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    for name, value in only_values.items():
        if source.get(name, value) != value:
            raise NotSupportedLocallyError(f"{name} {source[name]}")
    _check_location(source)


def _check_output(channel: dict) -> None:
    target = channel.get("S3Output")
    if target is None or channel.get("AppManaged") or target["S3UploadMode"] != "EndOfJob":
        raise NotSupportedLocallyError("an output other than S3Output with EndOfJob")
    _check_location(target)


def _check_location(channel: dict) -> None:
    Location.parse(channel["S3Uri"])
    path = channel.get("LocalPath") or ""
    if not path.startswith(ROOT) or ".." in path.split("/"):
        raise ValidationError(f"LocalPath must be an absolute path below {ROOT}, not {path!r}")
