"""The records of models."""

from __future__ import annotations

from dataclasses import dataclass

from local.sagemaker.resources import StoredResource


@dataclass(kw_only=True)
class Model(StoredResource):
    """A model as it was created; each job uses its container's environment and data."""

    kind = "Model"
    member = "ModelName"

    @property
    def container(self) -> dict:
        """The single container of the model."""
        return self.request.get("PrimaryContainer") or self.request["Containers"][0]

    @property
    def role(self) -> str:
        """The ARN of the role that its jobs assume."""
        return self.request["ExecutionRoleArn"]

    @property
    def is_isolated(self) -> bool:
        """True if its containers reach no network; they never have credentials here."""
        return bool(self.request.get("EnableNetworkIsolation"))

    @property
    def data_url(self) -> str:
        """The URL of model.tar.gz."""
        source = self.container.get("ModelDataSource", {}).get("S3DataSource", {})
        return self.container.get("ModelDataUrl") or source.get("S3Uri", "")

    @property
    def etag(self) -> str:
        """The ETag that model.tar.gz must have; "" if the request names none."""
        return self.container.get("ModelDataSource", {}).get("S3DataSource", {}).get("ETag", "")
