"""Families of schedules. A seed always means the same schedule in a family, so new acts need a new family."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults import files
from tests.faults.invariants import Check
from tests.faults.schedule import Schedule, schedules
from tests.faults.sets import family as sets
from tests.faults.sets.check import SetsCheck
from tests.faults.sets.world import SetsWorld
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis import strategies as st

    from tests.faults.evidence import Drop, Evidence


@dataclass(frozen=True)
class Family:
    """What is dropped, under which analyses.toml, and the check of the outcome: an Evidence with `all`."""

    name: str
    analyses: str
    schedules: Callable[[], st.SearchStrategy[Schedule]]
    drop: Callable[[World, str, int, int], Drop]
    check: type[Evidence]
    world: Callable[[], World] = World
    quiet_days: int = 0  # that must pass without a change, besides the usual checks: some mails are sent late
    settings: dict[str, str] = field(default_factory=lambda: dict(files.SETTINGS))


FILES = Family("files", files.ANALYSES, schedules, files.drop, Check)
SETS = Family("sets", sets.ANALYSES, sets.schedules, sets.drop, SetsCheck, SetsWorld, quiet_days=1)
FAMILIES = {family.name: family for family in (FILES, SETS)}
