"""The table [analyses.NAME.endpoint] of analyses.toml: a real-time endpoint that serves the model of the analysis.

It exists only in a stack whose parameter Endpoints is "true". Its instances cost money for each hour, used or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.fields import Number, Table, Text, Whole, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTANCE_TYPE = Text(r"|ml\.[a-z0-9-]+\.[a-z0-9]+", 'an instance type such as "ml.m5.xlarge"')


@dataclass(frozen=True)
class Endpoint(Table):
    """A real-time endpoint: its instances, how it scales, and when it is deleted because it has no requests."""

    table = "endpoint"

    instance_type: str = setting("", INSTANCE_TYPE)
    """Instance type of the endpoint; the parameter EndpointInstances must allow it. Absent: that of transform jobs."""
    min_instances: int = setting(1, Whole(1, 100))
    """Least number of instances. An endpoint with requests in real time cannot scale to zero. From 2 on, a new model
    gets a part of the requests before it gets all of them."""
    max_instances: int = setting(2, Whole(1, 100))
    """Largest number of instances. With the same value as min_instances, the endpoint does not scale."""
    invocations_per_instance: int = setting(600, Whole(1, 1_000_000))
    """Requests per minute and instance that scaling aims at: with more, instances are added."""
    max_latency_ms: int = setting(5_000, Whole(1, 60_000))
    """Milliseconds that the model may take for a request on average over a minute. If it takes longer, an alarm is
    raised, and a new model that causes it is rolled back."""
    idle_hours: float = setting(24.0, Number(0, 87_600, as_float=True))
    """Hours without a request after which the endpoint is deleted, with a mail; `seqdrop endpoint start` makes it
    again. 0: it is never deleted because of this."""
    capture_percent: int = setting(0, Whole(0, 100))
    """Share of requests and responses that SageMaker stores in the work bucket, for monitoring. They contain sequences
    and expire after 14 days."""

    def conflicts(self) -> Iterator[str]:
        """Yield conflicts between settings that are each allowed."""
        if self.max_instances < self.min_instances:
            yield f"max_instances is {self.max_instances}, less than min_instances ({self.min_instances})"

    @property
    def scales(self) -> bool:
        """Whether the number of instances follows the requests."""
        return self.max_instances > self.min_instances
