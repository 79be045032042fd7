"""Tags of models and jobs."""

from local.sagemaker.access import Caller
from local.sagemaker.errors import ValidationError
from local.sagemaker.registry import Registry

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
        tags = self._of(caller, request)
        merged = tags | as_dict(request["Tags"])
        if len(merged) > MOST:
            raise ValidationError(f"A resource cannot have more than {MOST} tags.")
        tags.update(merged)
        return {"Tags": as_list(tags)}

    def list(self, caller: Caller, request: dict) -> dict:
        """ListTags: all of them on one page, which AWS may split."""
        return {"Tags": as_list(self._of(caller, request))}

    def delete(self, caller: Caller, request: dict) -> dict:
        """DeleteTags: keys that are not there are no error."""
        tags = self._of(caller, request)
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _of(self, caller: Caller, request: dict) -> dict[str, str]:
        resource = self._registry.tagged(caller, request["ResourceArn"])
        if resource is None:
            raise ValidationError(f"Resource not found: {request['ResourceArn']}")
        return resource.tags
