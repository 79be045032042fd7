"""The records of endpoints and their configurations, which survive when the service is killed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from local.sagemaker.resources import StoredResource

DEFAULT_WEIGHT = 1.0


@dataclass(kw_only=True)
class EndpointConfig(StoredResource):
    """A configuration as it was created; it never changes."""

    kind = "EndpointConfig"
    member = "EndpointConfigName"


@dataclass
class Variant:
    """The weight and the number of instances of a variant: as they are, and as they shall be.

    `activity` is the entry of VariantStatus while the variant changes.
    """

    weight: float
    instances: int
    desired_weight: float
    desired_instances: int
    activity: dict | None = None

    @classmethod
    def make(cls, request: dict) -> Variant:
        """Return the state of a variant of a configuration that was just deployed."""
        weight, instances = request.get("InitialVariantWeight", DEFAULT_WEIGHT), request["InitialInstanceCount"]
        return cls(weight, instances, weight, instances)

    def desire(self, weight: float | None, instances: int | None) -> None:
        """Set what the variant shall become; None leaves a value as it is."""
        self.desired_weight = self.desired_weight if weight is None else weight
        self.desired_instances = self.desired_instances if instances is None else instances
        message = f"Scaling to a desired instance count of {self.desired_instances}."
        self.activity = {"Status": "Updating", "StatusMessage": message, "StartTime": time.time()}


@dataclass
class Release:
    """A configuration that an endpoint runs, with its models as they were when it was deployed.

    `models` has the fields of each model, by its name; `number` counts the releases of an endpoint.
    """

    number: int
    config: dict
    models: dict[str, dict]
    variants: dict[str, Variant]

    def __post_init__(self) -> None:
        self.variants = {
            name: variant if isinstance(variant, Variant) else Variant(**variant)
            for name, variant in self.variants.items()
        }

    @property
    def name(self) -> str:
        """The name of the configuration."""
        return self.config["EndpointConfigName"]

    def retain(self, earlier: Release, excluded: set[str]) -> None:
        """Take weights, instances and data capture from an earlier release, except for the excluded properties."""
        for name in self.variants.keys() & earlier.variants.keys():
            old, new = earlier.variants[name], self.variants[name]
            if "DesiredWeight" not in excluded:
                new.weight = new.desired_weight = old.desired_weight
            if "DesiredInstanceCount" not in excluded:
                new.instances = new.desired_instances = old.desired_instances
        if "DataCaptureConfig" not in excluded:
            capture = earlier.config.get("DataCaptureConfig")
            others = {key: value for key, value in self.config.items() if key != "DataCaptureConfig"}
            self.config = others | ({"DataCaptureConfig": capture} if capture else {})

    @property
    def is_async(self) -> bool:
        """True if the endpoint takes requests into a queue."""
        return "AsyncInferenceConfig" in self.config

    def describe_variants(self) -> list[dict]:
        """Return the variants in the form of DescribeEndpoint."""
        return [
            {
                "VariantName": request["VariantName"],
                "DeployedImages": [self._image(request["ModelName"])],
                "CurrentWeight": state.weight,
                "DesiredWeight": state.desired_weight,
                "CurrentInstanceCount": state.instances,
                "DesiredInstanceCount": state.desired_instances,
                **({"VariantStatus": [state.activity]} if state.activity else {}),
            }
            for request in self.config["ProductionVariants"]
            for state in [self.variants[request["VariantName"]]]
        ]

    def _image(self, model: str) -> dict:
        request = self.models[model]["request"]
        image = (request.get("PrimaryContainer") or request["Containers"][0])["Image"]
        return {"SpecifiedImage": image, "ResolvedImage": image}


@dataclass(kw_only=True)
class Endpoint(StoredResource):
    """An endpoint: the release in service, and during an update the release that shall replace it.

    `policy` is the deployment configuration of the last deployment.
    """

    kind = "Endpoint"
    member = "EndpointName"

    release: Release
    pending: Release | None = None
    policy: dict | None = None
    status: str = "Creating"
    failure: str | None = None
    modified: float = field(default_factory=time.time)
    pending_since: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.release, dict):
            self.release = Release(**self.release)
        if isinstance(self.pending, dict):
            self.pending = Release(**self.pending)

    def describe(self) -> dict:
        """Return the response of DescribeEndpoint; absent values are omitted."""
        release = self.release
        values = {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointConfigName": release.name,
            "ProductionVariants": release.describe_variants() if self.status != "Failed" else None,
            "DataCaptureConfig": self._describe_capture(),
            "EndpointStatus": self.status,
            "FailureReason": self.failure,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "LastDeploymentConfig": self.policy,
            "AsyncInferenceConfig": release.config.get("AsyncInferenceConfig"),
            "PendingDeploymentSummary": self._describe_pending(),
        }
        return {key: value for key, value in values.items() if value is not None}

    def _describe_capture(self) -> dict | None:
        config = self.release.config.get("DataCaptureConfig")
        if config is None:
            return None
        is_enabled = config.get("EnableCapture", True)
        return {
            "EnableCapture": is_enabled,
            "CaptureStatus": "Started" if is_enabled and self.status != "Creating" else "Stopped",
            "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
            "DestinationS3Uri": config["DestinationS3Uri"],
            "KmsKeyId": config.get("KmsKeyId", ""),
        }

    def _describe_pending(self) -> dict | None:
        if self.pending is None:
            return None
        return {
            "EndpointConfigName": self.pending.name,
            "ProductionVariants": self.pending.describe_variants(),
            "StartTime": self.pending_since,
        }
