"""The resources of all accounts, and the tokens of the requests that made them."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from local.omics.errors import ConflictError, NotFoundError
from local.omics.records import Run, RunGroup, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

Resource = Workflow | RunGroup | Run
Kind = TypeVar("Kind", Workflow, RunGroup, Run)


@dataclass(frozen=True)
class Caller:
    """Who calls: access key, account and region."""

    access_key: str
    account: str
    region: str

    @property
    def scope(self) -> tuple[str, str]:
        """Account and region."""
        return self.account, self.region

    def arn(self, kind: str, name: str = "*") -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:omics:{self.region}:{self.account}:{kind}/{name}"


class Store:
    """Resources by kind and id. A caller sees those of its account and region."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], Resource] = {}
        self._tokens: dict[tuple[str, str, str], tuple[str, Resource]] = {}  # of operation, account and token
        self._lock = threading.Lock()

    def once(self, operation: str, caller: Caller, request: dict, make: Callable[[], Kind]) -> Kind:
        """Return a new resource, or the one that the same request with the same token made before.

        Raise ConflictError if another request had the token.
        """
        text = json.dumps(request, sort_keys=True, default=lambda blob: hashlib.sha256(blob).hexdigest())
        digest, place = hashlib.sha256(text.encode()).hexdigest(), (operation, caller.account, request["requestId"])
        with self._lock:
            if place in self._tokens:
                earlier, known = self._tokens[place]
                if earlier != digest:
                    raise ConflictError(f"The request id {request['requestId']} was used with other parameters")
                return known
            resource = make()
            self._resources[type(resource).__name__, resource.id] = resource
            self._tokens[place] = digest, resource
            return resource

    def find(self, caller: Caller, kind: type[Kind], name: str) -> Kind:
        """Return a resource. Raise NotFoundError if the caller has none of this kind and id."""
        resource = self._resources.get((kind.__name__, name))
        if not isinstance(resource, kind) or (resource.account, resource.region) != caller.scope:
            raise NotFoundError(f"There is no {kind.__name__} with the id {name}")
        return resource

    def find_arn(self, arn: str) -> Resource:
        """Return the resource with this ARN. Raise NotFoundError if there is none."""
        for resource in list(self._resources.values()):
            if resource.arn == arn:
                return resource
        raise NotFoundError(f"There is no resource {arn}")

    def list(self, caller: Caller, kind: type[Kind]) -> list[Kind]:
        """Return the caller's resources of a kind, the oldest first."""
        every = [each for each in [*self._resources.values()] if isinstance(each, kind)]
        return [each for each in every if (each.account, each.region) == caller.scope]

    def remove(self, resource: Resource) -> dict:
        """Remove a resource; return an empty response."""
        del self._resources[type(resource).__name__, resource.id]
        return {}
