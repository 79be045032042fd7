"""The choice of a machine for a training, with its plan of memory, time and money, within the limits of job.toml."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from seqdrop.errors import DistributionRefusedError
from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.distribution.profiles import SINGLE, Translation
from seqdrop.training.jobfile import DNABERT, JobFile
from seqdrop.training.plan.limits import GRACE, HOUR, NO_CEILINGS, Ceilings, Limits
from seqdrop.training.plan.search import Job, Plan, find_plan

SMP_IMAGE = "smdistributed-modelparallel"  # repository of the AWS images that have SageMaker's distributed libraries
LONGEST_DNA = 500  # k-mers that DNABERT has positions for


@dataclass(frozen=True)
class Sizing:
    """The plan that may run, and the translation of each field of a SageMaker `distribution` table."""

    plan: Plan
    translations: list[Translation]
    seconds: int
    """Seconds after which the job is stopped."""

    @property
    def hyperparameters(self) -> dict[str, str]:
        """Hyperparameters of the distribution; empty for dnabert, whose script runs in one process."""
        if self.plan.job.model == DNABERT:
            return {}
        return self.plan.distribution.hyperparameters(self.plan.instance.name)

    def as_dict(self) -> dict[str, object]:
        """Return the plan and the translations as JSON, the content of plan.json."""
        stopped = {"max_seconds": self.seconds, "max_dollars": round(self.max_dollars, 2)}
        translations = [asdict(translation) for translation in self.translations]
        return {**self.plan.as_dict(), **stopped, "fates": translations}

    @property
    def max_dollars(self) -> float:
        """Cost in US dollars at the price on demand if the job runs until it is stopped."""
        return (self.seconds + GRACE) / HOUR * self.plan.cost.price


def has_smp(image: str) -> bool:
    """Return True if a training image has SageMaker's model-parallel library."""
    return SMP_IMAGE in image


def resolve_distribution(job: JobFile, smp: bool) -> tuple[Distribution, list[Translation]]:
    """Return the distribution of a job.toml, and the translation of each field of a SageMaker table in it.

    `smp` is True if the training image has SageMaker's model-parallel library. Raise DistributionRefusedError if the
    distribution is not possible.
    """
    distribution, translations = Distribution.from_table(job.distribution, smp, job.instance.type, job.model)
    distribution.check(job.model, job.train.freeze_encoder)
    if job.model == DNABERT and distribution.profile != SINGLE:
        raise DistributionRefusedError(
            f'distribution.profile is "{distribution.profile}"; for model "dnabert" it must be "single"'
        )
    return distribution, translations


def size_training(
    job: JobFile, residues: int, smp: bool, price: float | None = None, ceilings: Ceilings = NO_CEILINGS
) -> Sizing:
    """Return the plan for a training set with this number of residues (dnabert: bases).

    `price` replaces the price of one instance in PRICES, in US dollars for an hour. `ceilings` are those of the stack.
    Raise PlanRefusedError or DistributionRefusedError as `find_plan` does.
    """
    ceilings.check(job)
    distribution, translations = resolve_distribution(job, smp)
    train = job.train
    work = Job(
        model=job.model,
        head=train.head,
        task=job.target,
        tokens_per_batch=train.tokens_per_batch,
        max_length=min(train.max_length, LONGEST_DNA) if job.model == DNABERT else train.max_length,
        residues_total=residues,
        epochs=train.epochs,
        spot=job.instance.spot,
        freeze_encoder=train.freeze_encoder,
        accumulate=train.accumulate,
    )
    limits = Limits(job.budget_usd, job.instance.max_hours, ceilings)
    plan = find_plan(work, distribution, job.instance.type, limits, price)
    return Sizing(plan, translations, limits.count_seconds(plan.cost.price))
