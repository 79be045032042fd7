"""What every resource of the service has; resources survive when its process is killed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import ClassVar

TRANSIENT = {"stored": False}  # metadata of a field that is used only in this process


@dataclass(kw_only=True)
class StoredResource:
    """A resource as it was requested. `member` is the member of its request that has its name."""

    kind: ClassVar[str]
    member: ClassVar[str]

    arn: str
    request: dict
    account: str
    region: str
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """The name as in the request, with its case."""
        return self.request[self.member]
