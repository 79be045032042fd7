"""What one training may cost: the limits of its job.toml, below the ceilings of the stack.

Who may drop a job.toml writes its limits, so they protect from a mistake only. The ceilings are parameters of the
stack. IAM enforces hours and instance types as well (template.yaml), so that no error in this code can exceed them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from seqdrop.errors import PlanRefusedError
from seqdrop.training.jobfile import Instance, JobFile

if TYPE_CHECKING:
    from seqdrop.training.plan.plan import Plan

GRACE = 120  # seconds between SageMaker's order to stop and the end of the container, which are billed
HOUR = 3600


@dataclass(frozen=True)
class Ceilings:
    """What the stack allows for any training. The stack parameter of each field is in PARAMETERS."""

    budget_usd: float = math.inf
    """US dollars of all hosts, at the price on demand."""
    hours: float = math.inf
    instances: tuple[str, ...] = ("*",)
    """Patterns of instance types, in which "*" is any text."""

    def allows(self, instance_type: str) -> bool:
        """Return True if the stack allows this instance type."""
        return any(fnmatchcase(instance_type, pattern) for pattern in self.instances)

    def check(self, job: JobFile) -> None:
        """Raise PlanRefusedError if job.toml asks for more than the stack allows.

        A setting that has its default does not ask for anything: the lower of default and ceiling applies.
        """
        asked, hours = job.budget_usd, job.instance.max_hours
        if asked > self.budget_usd and asked != JobFile.budget_usd:
            raise _refuse(f"budget_usd is {asked:g}", f"at most {self.budget_usd:g} US dollars", "TrainingBudget")
        if hours > self.hours and hours != Instance.max_hours:
            raise _refuse(f"instance.max_hours is {hours:g}", f"at most {self.hours:g} hours", "TrainingHours")
        if job.instance.type and not self.allows(job.instance.type):
            allowed = ", ".join(self.instances)
            raise _refuse(f'instance.type is "{job.instance.type}"', f"only {allowed}", "TrainingInstances")


NO_CEILINGS = Ceilings()


@dataclass(frozen=True)
class Limits:
    """Limits of the cost and the time of a plan; None is no limit."""

    budget_usd: float | None = None
    max_hours: float | None = None
    ceilings: Ceilings = NO_CEILINGS

    @property
    def dollars(self) -> float:
        """Largest cost in US dollars, at the price on demand."""
        return min(math.inf if self.budget_usd is None else self.budget_usd, self.ceilings.budget_usd)

    @property
    def hours(self) -> float:
        """Longest time in hours."""
        return min(math.inf if self.max_hours is None else self.max_hours, self.ceilings.hours)

    def reason_against(self, plan: Plan) -> str:
        """Return the reason why the plan may not run, for people; "" if it may.

        The plan counts at the price on demand, because that bounds the price of a spot instance.
        """
        if not plan.fits:
            return plan.why_not
        place = f"{plan.job.shape.title} on {plan.instance.name}"
        if not self.ceilings.allows(plan.instance.name):
            return f"{place}: this stack allows only {', '.join(self.ceilings.instances)} (TrainingInstances)"
        if plan.hours > self.hours:
            return f"{place}: about {plan.hours:,.1f} hours, but {self._name_hours()} is {self.hours:g}"
        if plan.dollars_on_demand > self.dollars:
            price = f"about ${plan.dollars_on_demand:,.2f} at the price on demand"
            return f"{place}: {price}, but {self._name_dollars()} is {self.dollars:g}"
        return ""

    def count_seconds(self, hourly: float) -> int:
        """Return the seconds after which a job is stopped, if all of its hosts cost `hourly` dollars an hour.

        Also with the grace that SageMaker gives the container, the job then costs at most `dollars`.
        """
        affordable = self.dollars / hourly * HOUR - GRACE if hourly else math.inf
        return max(0, math.floor(min(self.hours * HOUR, affordable)))

    def _name_hours(self) -> str:
        return "instance.max_hours" if self.hours == self.max_hours else "the stack's parameter TrainingHours"

    def _name_dollars(self) -> str:
        return "budget_usd" if self.dollars == self.budget_usd else "the stack's parameter TrainingBudget"


NO_LIMITS = Limits()


def _refuse(asked: str, allowed: str, parameter: str) -> PlanRefusedError:
    return PlanRefusedError(
        f"{asked}, but this stack allows {allowed} for a training. Change job.toml, or ask the person who deploys the "
        f"stack to change its parameter {parameter}"
    )
