"""Tags of models and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from local.sagemaker.access import Caller
    from local.sagemaker.job_records import Job
    from local.sagemaker.model_records import Model
    from local.sagemaker.registry import Registry

MAX_TAGS = 50


def as_dict(tags: list[dict] | None) -> dict[str, str]:
    """Return a request's tags by key; raise ValidationError if a key occurs twice."""
    result = {tag["Key"]: tag["Value"] for tag in tags or []}
    if len(result) != len(tags or []):
        raise ValidationError("Duplicate tag keys are not allowed.")
    return result


def as_list(tags: dict[str, str]) -> list[dict]:
    """Return tags in the form of responses."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Tags:
    """The operations on tags."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def add(self, caller: Caller, request: dict) -> dict:
        """Add tags to a resource, and return all of its tags."""
        resource = self._find(caller, request)
        merged = resource.tags | as_dict(request["Tags"])
        if len(merged) > MAX_TAGS:
            raise ValidationError(f"A resource cannot have more than {MAX_TAGS} tags.")
        resource.tags.update(merged)
        self._registry.save(resource)
        return {"Tags": as_list(resource.tags)}

    def list(self, caller: Caller, request: dict) -> dict:
        """List all tags of a resource on a single page; AWS may split them."""
        return {"Tags": as_list(self._find(caller, request).tags)}

    def delete(self, caller: Caller, request: dict) -> dict:
        """Delete tags of a resource; an absent key is not an error."""
        resource = self._find(caller, request)
        for key in request["TagKeys"]:
            resource.tags.pop(key, None)
        self._registry.save(resource)
        return {}

    def _find(self, caller: Caller, request: dict) -> Model | Job:
        resource = self._registry.find_by_arn(caller, request["ResourceArn"])
        if resource is None:
            raise ValidationError(f"Resource not found: {request['ResourceArn']}")
        return resource
