"""The endpoints that a stack should have: those in real time (`endpoint`), and those of mode = "async"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.errors import ConfigurationError
from seqdrop.sagemaker.endpoint_names import async_endpoint_name, endpoint_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.config.analyses import Analysis
    from seqdrop.config.settings import Settings

WAITING = 5.0  # requests that may wait at each instance of an asynchronous endpoint
STACK = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""Names of stacks that may have endpoints. SageMaker's ARNs have endpoints in lower case, so a permission for
`<stack>-*` would not match another spelling; and a name that must be shortened would not begin with the stack's."""


@dataclass(frozen=True)
class Serving:
    """An endpoint that a stack should have.

    `least` and `most` bound its instances; `target` is what scaling aims at for one of them: requests per minute in
    real time, waiting requests if it is asynchronous. `latency_ms` is 0 if the time of a request does not matter.
    """

    name: str
    analysis: Analysis
    instance_type: str
    least: int
    most: int
    target: float
    latency_ms: int = 0
    idle_hours: float = 0.0
    capture_percent: int = 0
    is_async: bool = False

    @property
    def scales(self) -> bool:
        """Whether the number of instances follows the requests."""
        return self.most > self.least

    @property
    def initial(self) -> int:
        """Number of instances with which it begins: SageMaker creates no endpoint without an instance."""
        return max(1, self.least)


def check_stack(stack: str) -> None:
    """Raise ConfigurationError if a stack of this name cannot have endpoints."""
    if not STACK.fullmatch(stack):
        raise ConfigurationError(
            "a stack with endpoints needs a name of at most 40 lower-case letters, digits and hyphens, but this one is "
            f"{stack!r}: deploy it with Endpoints=false, or under another name"
        )


def list_servings(settings: Settings, analyses: Iterable[Analysis]) -> list[Serving]:
    """Return the endpoints of these analyses, sorted by name."""
    servings = [make(settings, analysis) for analysis in analyses for make in (_real_time, _asynchronous)]
    return sorted(filter(None, servings), key=lambda serving: serving.name)


def _real_time(settings: Settings, analysis: Analysis) -> Serving | None:
    endpoint = analysis.endpoint
    if endpoint is None or not analysis.has_model:
        return None
    return Serving(
        name=endpoint_name(settings.stack, analysis.name),
        analysis=analysis,
        instance_type=endpoint.instance_type or settings.instance_type,
        least=endpoint.min_instances,
        most=endpoint.max_instances,
        target=endpoint.invocations_per_instance,
        latency_ms=endpoint.max_latency_ms,
        idle_hours=endpoint.idle_hours,
        capture_percent=endpoint.capture_percent,
    )


def _asynchronous(settings: Settings, analysis: Analysis) -> Serving | None:
    if not analysis.is_async or not analysis.has_model:
        return None
    return Serving(
        name=async_endpoint_name(settings.stack, analysis.name),
        analysis=analysis,
        instance_type=analysis.async_instance_type or settings.instance_type,
        least=0,
        most=analysis.async_max_instances,
        target=WAITING,
        is_async=True,
    )
