"""The cost of a transform job: an estimate before it starts, and the rate that its end measures.

The estimate uses the rate that the last long job of the same analysis, model archive and instance type has measured on
this stack. Before there is such a job, it uses `windows_per_second` of analyses.toml. If neither is known, or an
attempt was planned by a version that did not count windows, there is no estimate; the reconciler still stops the job at
the limit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.sagemaker.spend import Estimate, Fleet, TransformCeilings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.models.archives import ModelArchive
    from seqdrop.runtime.services import Services

LEAST_SECONDS = 900  # a shorter job mostly measures how long the container takes to load its model


def ceilings_of(services: Services) -> TransformCeilings:
    """Return what the stack allows for one transform job."""
    return TransformCeilings(services.settings.job_hours, services.settings.transform_budget)


def check_cost(services: Services, members: list[Attempt], archive: ModelArchive, request: Mapping[str, Any]) -> None:
    """Raise SpendRefusedError if a job would exceed a ceiling of the stack by its estimate.

    Raise JobRefusedError if the price of its instances is not known.
    """
    fleet = Fleet.of(request, services.settings.instance_price)
    windows, rate = count_windows(members), _find_rate(services, members[0].analysis, archive.digest, fleet)
    fleet.require_price()
    if windows and rate:
        ceilings_of(services).check(Estimate(windows, rate, fleet))


def count_windows(members: list[Attempt]) -> int:
    """Return the windows of all members; 0 if an earlier version planned one of them and did not count its windows."""
    return sum(member.windows for member in members) if all(member.windows for member in members) else 0


def record_speed(services: Services, job: Job, members: list[Attempt], response: Mapping[str, Any]) -> None:
    """Record the rate of a completed job. A job that was short, or whose windows are not known, measures nothing.

    If another invocation writes at the same time, one of the two rates is lost, which does no harm.
    """
    began, ended, windows = response.get("TransformStartTime"), response.get("TransformEndTime"), count_windows(members)
    if not (began and ended and windows):
        return
    fleet, seconds = Fleet.of(json.loads(job.request)), (ended - began).total_seconds()
    if seconds >= LEAST_SECONDS:
        speed = services.ledger.speed(job.analysis, job.model_digest, fleet.instance_type)
        services.ledger.save(speed.measured(windows, round(seconds * fleet.count), job.name))


def _find_rate(services: Services, analysis: str, digest: str, fleet: Fleet) -> float:
    """Return windows per second and instance; 0 if they are not known. A change of analyses.toml applies at once."""
    speed = services.ledger.speed(analysis, digest, fleet.instance_type)
    settings = services.analyses.by_name.get(analysis)
    return speed.rate or (settings.job.windows_per_second if settings else 0.0)
