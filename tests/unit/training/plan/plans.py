"""The golden table of plans: every profile on the instances that labs ask about.

`python -m tests.unit.training.plan.plans` rewrites it.
"""

from __future__ import annotations

import json
from pathlib import Path

from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.distribution.profiles import PROFILES
from seqdrop.training.plan.instances import GIB, INSTANCES
from seqdrop.training.plan.search import Job, plan_on
from seqdrop.training.plan.shapes import PROTBERT, PROTT5, PROTT5_FULL

GOLDEN = Path(__file__).parent / "golden" / "plans.json"
PLACES = ("ml.g5.12xlarge", "ml.g5.48xlarge", "ml.g6e.12xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge")
SAVERS = {"": (False, False), " + checkpointing": (True, False), " + checkpointing + offloading": (True, True)}


def table() -> dict[str, dict[str, dict[str, str]]]:
    """Return, by model, instance and profile: peak bytes and available bytes; hours; dollars on demand."""
    return {model: {place: _profiles(model, place) for place in PLACES} for model in (PROTT5, PROTT5_FULL, PROTBERT)}


def _profiles(model: str, place: str) -> dict[str, str]:
    job = Job(model, "linear", "ss3", 6000, 1024, 2_500_000, 10)
    return {
        profile + name: _row(job, Distribution(profile, *savers), place)
        for profile in PROFILES
        for name, savers in SAVERS.items()
        if profile.startswith("fsdp") or not savers[1]
    }


def _row(job: Job, distribution: Distribution, place: str) -> str:
    plan = plan_on(job, distribution, INSTANCES[place])
    verdict = "fits" if plan.fits else "too much"
    host = f", host {plan.host_needed / GIB:.1f}" if plan.host_needed else ""
    return (
        f"{verdict}: {plan.memory.total / GIB:.1f} of {plan.available / GIB:.1f} GiB{host}; "
        f"{plan.hours:.2f} h, ${plan.dollars:.2f}"
    )


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(table(), indent=1) + "\n")
