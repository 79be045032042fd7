"""How versions up to 0.2.0 stored sets of files: pairs, data sets and runs, each with fields of its own.

Items that those versions wrote are read as they are. Every item that this version writes also has their fields, under
the same key and with the same revision. Therefore, during a deployment and after a rollback, each version can read the
items of the other, and if both write at the same moment, only one write succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqdrop.ledger.records import Item

MATES, MASKS, TRAINING, RUNS = "mates", "masks", "training", "runs"

Facts = Mapping[str, str | int | list[str]]


@dataclass(frozen=True)
class Layout:
    """The fields of one kind of set.

    `partition` is the first part of its key, and `name` the field with its name. `slots` maps each slot to its field;
    if `slots` is empty, all slots are entries of the map `seats`. `facts` maps each fact to its default.
    """

    partition: str
    name: str = "name"
    slots: dict[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)


DATA_SET = Layout("SET", facts={"attempt": ""})
RUN_FACTS: Facts = {"opened_at": "", "opened_by": "", "missing": 0, "awaits": "", "told_at": ""}
LAYOUTS = {
    MATES: Layout("PAIR", slots={"1": "first", "2": "second"}, facts={"settled": []}),
    MASKS: DATA_SET,
    TRAINING: DATA_SET,
    RUNS: Layout("RUN", "folder", {"manifest": "manifest"}, RUN_FACTS),
}


def partition_of(policy: str) -> str:
    """Return the first part of the keys of a policy's sets. Policies that earlier versions know keep theirs."""
    return LAYOUTS[policy].partition if policy in LAYOUTS else f"FILES#{policy}"


def fields_of(policy: str, name: str, members: Mapping[str, str], facts: Facts) -> Item:
    """Return the fields of a set as earlier versions read them; none for a policy that they do not know."""
    layout = LAYOUTS.get(policy)
    if layout is None:
        return {}
    slots: Item = {field_name: members.get(slot, "") for slot, field_name in layout.slots.items()}
    slots = slots or {"seats": members}
    return {layout.name: name, **slots, **{fact: facts.get(fact, empty) for fact, empty in layout.facts.items()}}


def members_and_facts(policy: str, item: Item) -> tuple[dict[str, str], Item]:
    """Return the members and the facts of an item that an earlier version wrote."""
    layout = LAYOUTS[policy]
    members = {slot: item[field_name] for slot, field_name in layout.slots.items() if item[field_name]}
    facts = {fact: item[fact] for fact, empty in layout.facts.items() if item[fact] != empty}
    return members or dict(item.get("seats", {})), facts
