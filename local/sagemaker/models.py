"""The operations on models, which are created once and never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import code_of

from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.listing import is_created_between, make_page, select
from local.sagemaker.model_records import Model
from local.sagemaker.roles import PRINCIPAL
from local.sagemaker.storage import DENIED, Location
from local.sagemaker.tags import as_dict

if TYPE_CHECKING:
    from local.sagemaker.access import Caller
    from local.sagemaker.registry import Registry
    from local.sagemaker.roles import Roles


class Models:
    """The operations on models."""

    def __init__(self, registry: Registry, roles: Roles) -> None:
        self._registry = registry
        self._roles = roles

    def create(self, caller: Caller, request: dict) -> dict:
        """Create a model; refuse a role that SageMaker cannot assume, and data that the role cannot read."""
        model = Model(
            arn=caller.make_arn("model", request["ModelName"]),
            request=request,
            account=caller.account,
            region=caller.region,
            tags=as_dict(request.get("Tags")),
        )
        _check_supported(model)
        caller.require_pass_role(model.role)
        self._check_name(caller, model)
        self._roles.check_trust(model.role)
        self._check_data(caller, model)
        with self._registry.lock:
            self._check_name(caller, model)
            self._registry.add(model)
        return {"ModelArn": model.arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """Describe a model."""
        model = find_model(self._registry, caller, request["ModelName"])
        echo = {key: value for key, value in model.request.items() if key != "Tags"}
        return {"EnableNetworkIsolation": False, **echo, "ModelArn": model.arn, "CreationTime": model.created}

    def delete(self, caller: Caller, request: dict) -> None:
        """Delete a model; its jobs are not affected."""
        if self._registry.remove_model(caller, request["ModelName"]) is None:
            raise _not_found(caller, request["ModelName"])

    def list(self, caller: Caller, request: dict) -> dict:
        """List the summaries of the models that match the request."""
        models = [model for model in self._registry.list_models(caller) if is_created_between(model, request)]
        summaries = [
            {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created} for model in models
        ]
        return make_page("Models", select(summaries, request, "ModelName"), request)

    def _check_name(self, caller: Caller, model: Model) -> None:
        if self._registry.find_model(caller, model.name):
            raise ValidationError(f'Cannot create already existing model "{model.arn}".')

    def _check_data(self, caller: Caller, model: Model) -> None:
        location = Location.parse(model.data_url)
        s3 = self._roles.client("s3", self._roles.credentials(model.role), caller.region)
        try:
            head = s3.head_object(Bucket=location.bucket, Key=location.key)
        except ClientError as error:
            if code_of(error) in DENIED:
                raise ValidationError(_no_access(location, model.role, caller.region)) from error
            raise ValidationError(f"Could not find model data at {location}.") from error
        finally:
            s3.close()
        if model.etag and head["ETag"].strip('"') != model.etag.strip('"'):
            raise ValidationError(f"The ETag of the model data at {location} is not {model.etag}.")


def find_model(registry: Registry, caller: Caller, name: str) -> Model:
    """Return the model with this name; raise ValidationError if there is none."""
    model = registry.find_model(caller, name)
    if model is None:
        raise _not_found(caller, name)
    return model


def _not_found(caller: Caller, name: str) -> ValidationError:
    return ValidationError(f'Could not find model "{caller.make_arn("model", name)}".')


def _check_supported(model: Model) -> None:
    """Refuse containers that AWS refuses, and those that only AWS can run."""
    candidates = [model.request.get("PrimaryContainer"), *model.request.get("Containers", [])]
    containers = [container for container in candidates if container]
    if not containers:
        raise ValidationError("One of PrimaryContainer or Containers must be specified.")
    if len(containers) > 1:
        raise NotSupportedLocallyError("a model of several containers")
    if model.request.get("VpcConfig"):
        raise NotSupportedLocallyError("VpcConfig")
    if not model.request.get("ExecutionRoleArn"):
        raise ValidationError("ExecutionRoleArn must be specified.")
    _check_container(containers[0])
    if not model.data_url:
        raise NotSupportedLocallyError("a model without ModelDataUrl")


def _check_container(container: dict) -> None:
    for name in ("ModelPackageName", "AdditionalModelDataSources", "InferenceSpecificationName"):
        if container.get(name):
            raise NotSupportedLocallyError(name)
    if not container.get("Image"):
        raise ValidationError("Image must be specified for the container.")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise NotSupportedLocallyError("a multi-model container")
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source and (source["S3DataType"], source["CompressionType"]) != ("S3Object", "Gzip"):
        raise NotSupportedLocallyError("model data that is not one model.tar.gz")


def _no_access(location: Location, role: str, region: str) -> str:
    return (
        f'Could not access model data at {location}. Please ensure that the role "{role}" exists and '
        f'that its trust relationship policy allows the action "sts:AssumeRole" for the service '
        f'principal "{PRINCIPAL}". Also ensure that the role has "s3:GetObject" permissions and '
        f"that the object is located in {region}. If your Model uses multiple models or uncompressed "
        'models, please ensure that the role has "s3:ListBucket" permission.'
    )
