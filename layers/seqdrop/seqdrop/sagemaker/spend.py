"""What a job may cost: an upper bound for a training, an estimate and a time limit for a batch transform.

Nothing here calls a service. Prices are those of `seqdrop.aws.prices`, on demand, also for spot instances, which never
cost more. The instances are nearly all that AWS bills for a job; its volumes and its requests are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqdrop.aws.prices import hourly_price
from seqdrop.errors import JobRefusedError, SpendRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

HOUR = 3600
START = 300  # seconds that an instance needs for the image and the model before it scores; assumed


def bound_training(request: Mapping[str, Any]) -> float:
    """Return the dollars that a training costs if it runs until MaxRuntimeInSeconds.

    Raise JobRefusedError if the price of its instance type is not known.
    """
    resources = request["ResourceConfig"]
    hours: float = request["StoppingCondition"]["MaxRuntimeInSeconds"] / HOUR
    count: int = resources["InstanceCount"]
    return hours * count * _require_price(resources["InstanceType"])


@dataclass(frozen=True)
class Fleet:
    """The instances of a job. `price` replaces the price of one of them in the table, unless it is 0."""

    instance_type: str
    count: int = 1
    price: float = 0.0

    @property
    def hourly(self) -> float:
        """Dollars of all instances for an hour. Raise JobRefusedError if the price is not known."""
        return self.count * self.require_price()

    def require_price(self) -> float:
        """Return the dollars of one instance for an hour. Raise JobRefusedError if the price is not known."""
        return _require_price(self.instance_type, self.price)

    @classmethod
    def of(cls, request: Mapping[str, Any], price: float = 0.0) -> Fleet:
        """Return the instances of a request that creates a job. `price` is of the type of transform jobs only."""
        if resources := request.get("TransformResources"):
            return cls(resources["InstanceType"], resources["InstanceCount"], price)
        if processing := request.get("ProcessingResources"):
            resources = processing["ClusterConfig"]
        else:
            resources = request["ResourceConfig"]
        return cls(resources["InstanceType"], resources["InstanceCount"])


@dataclass(frozen=True)
class TransformCeilings:
    """What the stack allows for one transform job: the parameters JobHours and TransformBudget."""

    hours: float
    budget_usd: float

    def count_hours(self, fleet: Fleet) -> float:
        """Return the hours after which a job is stopped, because of its time or, if its price is known, of its cost."""
        price = hourly_price(fleet.instance_type, fleet.price)
        return min(self.hours, self.budget_usd / (price * fleet.count)) if price else self.hours

    def name_limit(self, fleet: Fleet) -> str:
        """Return the ceiling that a job reaches first, with its stack parameter, for people."""
        if self.count_hours(fleet) == self.hours:
            return f"{self.hours:g} hours (stack parameter JobHours)"
        return f"${self.budget_usd:g} (stack parameter TransformBudget; {describe_fleet(fleet)})"

    def check(self, estimate: Estimate) -> None:
        """Raise SpendRefusedError if an estimate exceeds a ceiling."""
        if estimate.hours <= self.hours and estimate.dollars <= self.budget_usd:
            return
        raise SpendRefusedError(
            f"the job was not started: its {estimate.windows:,} windows or residues, at {estimate.rate:,.3g} a second "
            f"and instance, would take about {estimate.hours:,.1f} hours and ${estimate.dollars:,.2f} "
            f"({describe_fleet(estimate.fleet)}), but this stack allows {self.hours:g} hours (JobHours) and "
            f"${self.budget_usd:g} (TransformBudget). Take a sample (max_reads), use a faster InstanceType, or ask the "
            "person who deploys the stack to raise these parameters"
        )


@dataclass(frozen=True)
class Estimate:
    """Time and cost of a transform job. `rate` is windows (residues of proteins) per second and instance."""

    windows: int
    rate: float
    fleet: Fleet

    @property
    def hours(self) -> float:
        """Hours until the job ends, if its work is spread evenly."""
        return (self.windows / (self.rate * self.fleet.count) + START) / HOUR

    @property
    def dollars(self) -> float:
        """Dollars of all instances. Raise JobRefusedError if the price is not known."""
        return self.hours * self.fleet.hourly


def describe_fleet(fleet: Fleet) -> str:
    """Return the instances of a job and their price, for people."""
    return f"{fleet.count} × {fleet.instance_type} at ${fleet.hourly:,.2f} an hour"


def _require_price(instance_type: str, replacement: float = 0.0) -> float:
    price = hourly_price(instance_type, replacement)
    if price is None:
        raise JobRefusedError(
            f"the price of {instance_type} is not known, so its cost cannot be bounded: choose another type, or set "
            "the stack parameter InstancePrice to the dollars of one instance for an hour"
        )
    return price
