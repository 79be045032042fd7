"""On what a training runs: the plan of its memory, time and money, held to the machine and the budget of job.toml."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.distribution.profiles import SINGLE, Fate
from seqdrop.training.jobfile import DNABERT, JobFile
from seqdrop.training.plan.search import Plan, plan

SMP_IMAGE = "smdistributed-modelparallel"  # the repository of AWS's images with its own distributed libraries
LONGEST_DNA = 500  # k-mers that DNABERT has positions for


@dataclass(frozen=True)
class Sizing:
    """The plan that may run, and what became of fields that were asked for."""

    plan: Plan
    fates: list[Fate]

    @property
    def hyperparameters(self) -> dict[str, str]:
        """Of the distribution. The script of dnabert runs in one process and knows none of them."""
        if self.plan.job.model == DNABERT:
            return {}
        return self.plan.distribution.hyperparameters(self.plan.instance.name)

    def as_dict(self) -> dict:
        return {**self.plan.as_dict(), "fates": [asdict(one) for one in self.fates]}


def has_smp(image: str) -> bool:
    """Whether a training image has SageMaker's model-parallel library."""
    return SMP_IMAGE in image


def spread(job: JobFile, smp: bool) -> tuple[Distribution, list[Fate]]:
    """What [distribution] asks for. Raises DistributionRefusedError for what cannot be."""
    found, fates = Distribution.from_table(job.distribution, smp, job.instance.type, job.model)
    found.check(job.model, job.train.freeze_encoder)
    if job.model == DNABERT and found.profile != SINGLE:
        raise DistributionRefusedError(f'distribution.profile is "{found.profile}"; model "dnabert" takes "single"')
    return found, fates


def sized(job: JobFile, letters: int, smp: bool, price: float | None = None) -> Sizing:
    """The plan for a training set of so many letters. `price` is an hour's of the instance, in place of the table's.

    Raises PlanRefusedError or DistributionRefusedError.
    """
    found, fates = spread(job, smp)
    train, limits = job.train, {"budget_usd": job.budget_usd, "max_hours": job.instance.max_hours}
    planned = plan(
        job.model,
        train.head,
        job.target,
        found,
        job.instance.type,
        train.tokens_per_batch,
        min(train.max_length, LONGEST_DNA) if job.model == DNABERT else train.max_length,
        letters,
        train.epochs,
        job.instance.spot,
        freeze_encoder=train.freeze_encoder,
        accumulate=train.accumulate,
        price=price,
        **limits,
    )
    return Sizing(planned, fates)
