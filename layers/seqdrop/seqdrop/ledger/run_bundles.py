"""The bundles of a run that are being made (stages/bundle): the record that lets only one invocation plan at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item


@dataclass(frozen=True)
class RunBundles:
    """The plans of a run's bundles whose files are not all archived yet.

    `plans` are ids of plans in the work bucket. `due_at` is when the files of the run are gathered next, as an
    invocation of archive asked for it. A record that is not in the table yet has revision 0.
    """

    run: str
    plans: tuple[str, ...] = ()
    due_at: str = ""
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key."""
        return {"pk": f"BUNDLES#{self.run}", "sk": "BUNDLES"}

    def with_plans(self, *plans: str) -> RunBundles:
        """Return this record with more plans."""
        return replace(self, plans=(*self.plans, *(plan for plan in plans if plan not in self.plans)))

    def without_plan(self, plan: str) -> RunBundles:
        """Return this record without a plan."""
        return replace(self, plans=tuple(other for other in self.plans if other != plan))

    def item(self) -> Item:
        """Return the item to store."""
        return {
            **self.keys,
            "run": self.run,
            "plans": list(self.plans),
            "due_at": self.due_at,
            "revision": self.revision,
        }

    def with_item(self, item: Item) -> RunBundles:
        """Return this record with the content of its stored item."""
        return replace(self, plans=tuple(item["plans"]), due_at=str(item["due_at"]), revision=int(item["revision"]))
