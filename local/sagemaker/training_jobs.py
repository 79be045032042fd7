"""Training jobs: what CreateTrainingJob takes."""

import re

from local.sagemaker.access import Caller
from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.jobs import Jobs
from local.sagemaker.registry import Job, TrainingJob
from local.sagemaker.script_mode import toolkit_setting
from local.sagemaker.storage import Location

CHECKPOINTS = "/opt/ml/checkpoints"
# What AWS would do, and we do not: a request with it is refused, so that nobody believes that it was done.
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
    "EnableNetworkIsolation",
)
OTHER_LAUNCHERS = (
    "sagemaker_mpi_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_parameter_server_enabled",
)
RESOURCES = {"InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId"}
# Machines with disks of their own, whose volumes take no key. The API reference names the EC2 guide's list.
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
        """CreateTrainingJob: refuses a role that the caller may not pass or that SageMaker cannot assume."""
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

    def _make(self, caller: Caller, request: dict, **common) -> TrainingJob:
        return TrainingJob(request=request, told=self._moved, **common)

    def _instance_type(self, request: dict) -> str:
        return request["ResourceConfig"]["InstanceType"]

    def _summary(self, job: Job) -> dict:
        return {key: value for key, value in job.described().items() if key in SUMMARY}


def _check_algorithm(algorithm: dict) -> None:
    if bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        raise ValidationError("Exactly one of TrainingImage and AlgorithmName must be given")
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
        raise ValidationError("InstanceCount and VolumeSizeInGB must be 1 at the least")
    if resources["InstanceCount"] > 1:
        raise NotSupportedLocallyError("a job on several instances")
    kind = resources["InstanceType"]
    if resources.get("VolumeKmsKeyId") and OWN_DISKS.match(kind):
        raise ValidationError(f"VolumeKmsKeyId is not supported for instance type {kind}, which has local storage")


def _check_stopping(request: dict) -> None:
    stopping, spot = request.get("StoppingCondition", {}), request.get("EnableManagedSpotTraining", False)
    wait, longest = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds", 86400)
    if wait is not None and not spot:
        raise ValidationError(
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
        )
    if spot and (wait is None or wait < longest):
        raise ValidationError(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )
    if longest > 28 * 86400:
        raise ValidationError("MaxRuntimeInSeconds cannot be greater than 28 days")
    if stopping.get("MaxPendingTimeInSeconds"):
        raise NotSupportedLocallyError("MaxPendingTimeInSeconds")


def _check_channels(channels: list[dict]) -> None:
    names = [one["ChannelName"] for one in channels]
    if len(set(names)) != len(names):
        raise ValidationError("Duplicate channel names are not allowed.")
    for one in channels:
        _check_channel(one)


def _check_channel(one: dict) -> None:
    source = one["DataSource"].get("S3DataSource")
    if source is None:
        raise NotSupportedLocallyError("a channel without S3DataSource")
    if one.get("CompressionType", "None") != "None":
        raise ValidationError("CompressionType Gzip is for channels in Pipe mode")
    usual = {"S3DataDistributionType": "FullyReplicated"}
    usual_of_channel = {"InputMode": "File", "RecordWrapperType": "None"}
    for where, only in ((source, usual), (one, usual_of_channel)):
        for name, value in only.items():
            if where.get(name, value) != value:
                raise NotSupportedLocallyError(f"{name} {where[name]}")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise NotSupportedLocallyError(f"the S3DataType {source['S3DataType']}")
    if one.get("ShuffleConfig"):
        raise NotSupportedLocallyError("ShuffleConfig")
    Location.parse(source["S3Uri"])


def _check_hyperparameters(told: dict[str, str]) -> None:
    """The image is not run, so what it would do without a script cannot be done here."""
    if not {"sagemaker_program", "sagemaker_submit_directory"} <= told.keys():
        raise NotSupportedLocallyError(
            "a job without the hyperparameters sagemaker_program and sagemaker_submit_directory"
        )
    for name in OTHER_LAUNCHERS:
        if toolkit_setting(told, name, False):
            raise NotSupportedLocallyError(f"the hyperparameter {name}")
