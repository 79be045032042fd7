"""Tags of models and jobs."""

from local.sagemaker.access import Caller
from local.sagemaker.errors import ValidationError
from local.sagemaker.registry import Job, Model, Registry

MOST = 50


def as_dict(tags: list[dict] | None) -> dict[str, str]:
    """A request's tags by key; ValidationError when a key occurs twice."""
    result = {tag["Key"]: tag["Value"] for tag in tags or []}
    if len(result) != len(tags or []):
        raise ValidationError("Duplicate tag keys are not allowed.")
    return result


def as_list(tags: dict[str, str]) -> list[dict]:
    """Tags as answers carry them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Tags:
    """The operations on tags."""

    def __init__(self, registry: Registry):
        self._registry = registry

    def add(self, caller: Caller, request: dict) -> dict:
        """AddTags: answers all tags the resource has then."""
        resource = self._of(caller, request)
        merged = resource.tags | as_dict(request["Tags"])
        if len(merged) > MOST:
            raise ValidationError(f"A resource cannot have more than {MOST} tags.")
        resource.tags.update(merged)
        self._registry.save(resource)
        return {"Tags": as_list(resource.tags)}

    def list(self, caller: Caller, request: dict) -> dict:
        """ListTags: all of them on one page, which AWS may split."""
        return {"Tags": as_list(self._of(caller, request).tags)}

    def delete(self, caller: Caller, request: dict) -> dict:
        """DeleteTags: keys that are not there are no error."""
        resource = self._of(caller, request)
        for key in request["TagKeys"]:
            resource.tags.pop(key, None)
        self._registry.save(resource)
        return {}

    def _of(self, caller: Caller, request: dict) -> Model | Job:
        resource = self._registry.tagged(caller, request["ResourceArn"])
        if resource is None:
            raise ValidationError(f"Resource not found: {request['ResourceArn']}")
        return resource
