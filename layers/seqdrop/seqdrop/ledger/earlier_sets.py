"""How versions before there was one FileSet stored sets of files: a pair, a data set and a run, each with fields of its
own.

Items that those versions wrote are read as they are. Every item that this version writes has their fields beside its
own, and lies under the same key with the same revision: so while a deployment replaces one version by the other, and
after a rollback, each reads what the other wrote, and of two writers at one moment only one succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MATES, MASKS, TRAINING, RUNS = "mates", "masks", "training", "runs"


@dataclass(frozen=True)
class Layout:
    """The fields of one kind of set: the one with its name, those with its members, and facts with their defaults."""

    partition: str
    name: str = "name"
    slots: dict[str, str] = field(default_factory=dict)  # slot → field; empty: all slots lie in the map `seats`
    facts: dict[str, str | int | list] = field(default_factory=dict)


DATA_SET = Layout("SET", facts={"attempt": ""})
RUN_FACTS = {"opened_at": "", "opened_by": "", "missing": 0, "awaits": "", "told_at": ""}
LAYOUTS = {
    MATES: Layout("PAIR", slots={"1": "first", "2": "second"}, facts={"settled": []}),
    MASKS: DATA_SET,
    TRAINING: DATA_SET,
    RUNS: Layout("RUN", "folder", {"manifest": "manifest"}, RUN_FACTS),
}


def partition_of(policy: str) -> str:
    """Return the first part of the keys of a policy's sets; only the policies of earlier versions have their own."""
    return LAYOUTS[policy].partition if policy in LAYOUTS else f"FILES#{policy}"


def fields_of(policy: str, name: str, members: dict, facts: dict) -> dict:
    """Return a set as earlier versions read it; empty for a policy that they do not know."""
    layout = LAYOUTS.get(policy)
    if layout is None:
        return {}
    seats = {of: members.get(slot, "") for slot, of in layout.slots.items()} or {"seats": members}
    return {layout.name: name, **seats, **{fact: facts.get(fact, empty) for fact, empty in layout.facts.items()}}


def members_and_facts(policy: str, item: dict) -> tuple[dict, dict]:
    """Return what an item holds that an earlier version wrote."""
    layout = LAYOUTS[policy]
    seats = {slot: item[of] for slot, of in layout.slots.items() if item[of]} or dict(item.get("seats", {}))
    return seats, {fact: item[fact] for fact, empty in layout.facts.items() if item[fact] != empty}
