"""Families of schedules. Within a family, a seed always means the same schedule, so new acts need a new family."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults import copies, files, large
from tests.faults.asynchronous import family as asynchronous
from tests.faults.asynchronous.check import AsyncCheck
from tests.faults.asynchronous.world import AsyncWorld
from tests.faults.bundle import family as bundle
from tests.faults.bundle.check import BundleCheck
from tests.faults.bundle.world import BundleWorld
from tests.faults.copies import CopiesCheck, CopiesWorld
from tests.faults.forget import family as forget
from tests.faults.forget.check import ForgetCheck
from tests.faults.forget.world import ForgetWorld
from tests.faults.invariants import Check
from tests.faults.large import LargeCheck, LargeWorld
from tests.faults.resent import family as resent
from tests.faults.resent.check import ResentCheck
from tests.faults.resent.world import ResentWorld
from tests.faults.restore import family as restore
from tests.faults.restore.check import RestoreCheck
from tests.faults.restore.world import RestoreWorld
from tests.faults.runs import family as runs
from tests.faults.runs.check_folders import RunsCheck
from tests.faults.runs.world import RunsWorld
from tests.faults.schedule import Schedule, schedules
from tests.faults.serve import family as serve
from tests.faults.serve.check import ServeCheck
from tests.faults.serve.world import ServeWorld
from tests.faults.sets import family as sets
from tests.faults.sets.check import SetsCheck
from tests.faults.sets.world import SetsWorld
from tests.faults.workflow import family as workflow
from tests.faults.workflow.check import WorkflowCheck
from tests.faults.workflow.world import WorkflowWorld
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from hypothesis import strategies as st

    from tests.faults.evidence import Drop, Evidence


@dataclass(frozen=True)
class Family:
    """A family: its analyses.toml, its schedules, how its files are dropped, and the check of the outcome.

    `check` is a subclass of Evidence with a method `all`, which yields the violations. `quiet_days` are days that must
    pass without a change at the end, in addition to the usual checks, because some mails are sent late. `context`
    surrounds each schedule. `steps` are far more than any schedule needs: if one takes more, the test fails.
    """

    name: str
    analyses: str
    schedules: Callable[[], st.SearchStrategy[Schedule]]
    drop: Callable[[World, str, int, int], Drop]
    check: type[Evidence]
    world: Callable[[], World] = World
    quiet_days: int = 0
    steps: int = 3000
    settings: dict[str, str] = field(default_factory=lambda: dict(files.SETTINGS))
    context: Callable[[], AbstractContextManager[None]] = nullcontext


FILES = Family("files", files.ANALYSES, schedules, files.drop, Check)
RESENT = Family("resent", resent.ANALYSES, resent.schedules, resent.drop, ResentCheck, ResentWorld, quiet_days=9)
SETS = Family(
    "sets",
    sets.ANALYSES,
    sets.schedules,
    sets.drop,
    SetsCheck,
    SetsWorld,
    quiet_days=1,
    settings={**files.SETTINGS, "training_promotes": "true"},
)
LARGE = Family("large", large.ANALYSES, large.schedules, files.drop, LargeCheck, LargeWorld)
RUNS = Family("runs", runs.ANALYSES, runs.schedules, runs.drop, RunsCheck, RunsWorld, quiet_days=1)
COPIES = Family(
    "copies",
    copies.ANALYSES,
    copies.schedules,
    copies.drop,
    CopiesCheck,
    CopiesWorld,
    quiet_days=5,
    context=copies.small_parts,
)
RESTORE = Family("restore", restore.ANALYSES, restore.schedules, restore.drop, RestoreCheck, RestoreWorld)
BUNDLE = Family(
    "bundle",
    bundle.ANALYSES,
    bundle.schedules,
    bundle.drop,
    BundleCheck,
    BundleWorld,
    quiet_days=1,
    context=bundle.small_bundles,
)
FORGET = Family(
    "forget",
    forget.ANALYSES,
    forget.schedules,
    forget.drop,
    ForgetCheck,
    ForgetWorld,
    quiet_days=4,
    settings=forget.SETTINGS,
    context=bundle.small_bundles,
)
ASYNC = Family(
    "async",
    asynchronous.ANALYSES,
    asynchronous.schedules,
    files.drop,
    AsyncCheck,
    AsyncWorld,
    settings=asynchronous.SETTINGS,
    context=asynchronous.small_shards,
)
WORKFLOW = Family(
    "workflow",
    workflow.ANALYSES,
    workflow.schedules,
    workflow.drop,
    WorkflowCheck,
    WorkflowWorld,
    settings=workflow.SETTINGS,
)
SERVE = Family(
    "serve",
    serve.ANALYSES,
    serve.schedules,
    files.drop,
    ServeCheck,
    ServeWorld,
    steps=12_000,  # CloudFormation's deletion is looked at every 30 seconds
    settings=serve.SETTINGS,
    context=serve.own_url,
)
ALL = (FILES, SETS, LARGE, RESENT, RUNS, COPIES, RESTORE, BUNDLE, FORGET, ASYNC, SERVE, WORKFLOW)
FAMILIES = {family.name: family for family in ALL}
