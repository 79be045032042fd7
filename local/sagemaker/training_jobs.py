"""The operations on training jobs, and the rules of CreateTrainingJob."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.job_records import Job, TrainingJob
from local.sagemaker.jobs import Common, Jobs
from local.sagemaker.script_mode import read_toolkit_setting
from local.sagemaker.storage import Location

if TYPE_CHECKING:
    from local.sagemaker.access import Caller

CHECKPOINTS = "/opt/ml/checkpoints"
# Features of AWS that the embedded SageMaker lacks. A request with one of them is refused and not silently changed.
UNSUPPORTED = (
    "VpcConfig",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ExperimentConfig",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "SessionChainingConfig",
    "ServerlessJobConfig",
    "MlflowConfig",
    "ModelPackageConfig",
)
OTHER_LAUNCHERS = (
    "sagemaker_mpi_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_parameter_server_enabled",
)
RESOURCES = {"InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId"}
# Instances with local storage, which accept no volume key. The API reference refers to the list in the EC2 guide.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g5|g6e?|p5e?n?|trn\d.*)\.")
SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)


class TrainingJobs(Jobs):
    """The operations on training jobs."""

    kind = TrainingJob.kind

    def create(self, caller: Caller, request: dict) -> dict:
        """Create a job; refuse a role that the caller may not pass or that SageMaker cannot assume."""
        caller.require_pass_role(request["RoleArn"])
        self._roles.check_trust(request["RoleArn"])
        return super().create(caller, request)

    def _check(self, request: dict) -> None:
        _check_algorithm(request["AlgorithmSpecification"])
        _check_resources(request.get("ResourceConfig") or {})
        _check_stopping(request)
        _check_channels(request.get("InputDataConfig", []))
        _check_hyperparameters(request.get("HyperParameters", {}))
        Location.parse(request["OutputDataConfig"]["S3OutputPath"])
        if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
            raise NotSupportedLocallyError("OutputDataConfig without compression")
        if checkpoints := request.get("CheckpointConfig"):
            Location.parse(checkpoints["S3Uri"])
            if checkpoints.get("LocalPath", CHECKPOINTS) != CHECKPOINTS:
                raise NotSupportedLocallyError(f"a CheckpointConfig whose LocalPath is not {CHECKPOINTS}")
        for name in UNSUPPORTED:
            if request.get(name):
                raise NotSupportedLocallyError(name)

    def _make_job(self, _caller: Caller, request: dict, common: Common) -> TrainingJob:
        return TrainingJob(request=request, **common)

    def _instance_type(self, request: dict) -> str:
        return request["ResourceConfig"]["InstanceType"]

    def _summary(self, job: Job) -> dict:
        return {key: value for key, value in job.describe().items() if key in SUMMARY}


def _check_algorithm(algorithm: dict) -> None:
    if bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        raise ValidationError("Exactly one of TrainingImage and AlgorithmName must be specified")
    if not algorithm.get("TrainingImage"):
        raise NotSupportedLocallyError("an AlgorithmName in place of a TrainingImage")
    if algorithm["TrainingInputMode"] != "File":
        raise NotSupportedLocallyError(f"the TrainingInputMode {algorithm['TrainingInputMode']}")
    for name in ("ContainerEntrypoint", "ContainerArguments", "TrainingImageConfig"):
        if algorithm.get(name):
            raise NotSupportedLocallyError(name)
    for metric in algorithm.get("MetricDefinitions", []):
        try:
            re.compile(metric["Regex"])
        except re.error as error:
            raise ValidationError(f"Invalid regular expression for metric {metric['Name']}: {error}") from error


def _check_resources(resources: dict) -> None:
    if extra := resources.keys() - RESOURCES:
        raise NotSupportedLocallyError(f"{', '.join(sorted(extra))} in ResourceConfig")
    if not {"InstanceType", "InstanceCount", "VolumeSizeInGB"} <= resources.keys():
        raise ValidationError("InstanceType, InstanceCount and VolumeSizeInGB must be specified in ResourceConfig")
    if resources["InstanceCount"] < 1 or resources["VolumeSizeInGB"] < 1:
        raise ValidationError("InstanceCount and VolumeSizeInGB must be at least 1")
    if resources["InstanceCount"] > 1:
        raise NotSupportedLocallyError("a job on several instances")
    kind = resources["InstanceType"]
    if resources.get("VolumeKmsKeyId") and OWN_DISKS.match(kind):
        raise ValidationError(f"VolumeKmsKeyId is not supported for instance type {kind}, which has local storage")


def _check_stopping(request: dict) -> None:
    stopping, spot = request.get("StoppingCondition", {}), request.get("EnableManagedSpotTraining", False)
    max_wait, max_runtime = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds", 86400)
    if max_wait is not None and not spot:
        raise ValidationError(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if spot and (max_wait is None or max_wait < max_runtime):
        raise ValidationError(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )
    if max_runtime > 28 * 86400:
        raise ValidationError("MaxRuntimeInSeconds cannot be greater than 28 days")
    if stopping.get("MaxPendingTimeInSeconds"):
        raise NotSupportedLocallyError("MaxPendingTimeInSeconds")


def _check_channels(channels: list[dict]) -> None:
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise ValidationError("Duplicate channel names are not allowed.")
    for channel in channels:
        _check_channel(channel)


def _check_channel(channel: dict) -> None:
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise NotSupportedLocallyError("a channel without S3DataSource")
    if channel.get("CompressionType", "None") != "None":
        raise ValidationError("CompressionType Gzip is for channels in Pipe mode")
    only_of_source = {"S3DataDistributionType": "FullyReplicated"}
    only_of_channel = {"InputMode": "File", "RecordWrapperType": "None"}
    for settings, only_values in ((source, only_of_source), (channel, only_of_channel)):
        for name, value in only_values.items():
            if settings.get(name, value) != value:
                raise NotSupportedLocallyError(f"{name} {settings[name]}")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise NotSupportedLocallyError(f"the S3DataType {source['S3DataType']}")
    if channel.get("ShuffleConfig"):
        raise NotSupportedLocallyError("ShuffleConfig")
    Location.parse(source["S3Uri"])


def _check_hyperparameters(hyperparameters: dict[str, str]) -> None:
    """Refuse a job without a script: the image, which has its own program, is not run here."""
    if not {"sagemaker_program", "sagemaker_submit_directory"} <= hyperparameters.keys():
        raise NotSupportedLocallyError(
            "a job without the hyperparameters sagemaker_program and sagemaker_submit_directory"
        )
    for name in OTHER_LAUNCHERS:
        if read_toolkit_setting(hyperparameters, name, False):
            raise NotSupportedLocallyError(f"the hyperparameter {name}")
