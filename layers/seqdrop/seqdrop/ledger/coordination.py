"""Records that several others depend on and that have no state of their own: sets of files, open jobs, positions.

Each is read, changed, and written back on the condition that its revision is still the one that was read. Revision 0
is that of a record that is not in the table yet.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal

from seqdrop.ledger import earlier_sets

Fact = str | int | list[str]


@dataclass(frozen=True)
class FileSet:
    """Files that belong together: which upload holds which slot. Policies (stages/assemble) say what the slots are.

    Every move by which an upload takes a slot, or advances because of who holds another, is one transaction with a
    write of this record. So of two members that arrive at the same moment, the later one sees the earlier.
    """

    policy: str
    name: str  # unique within the policy, over all buckets
    members: dict[str, str] = field(default_factory=dict)  # slot → upload id
    facts: dict[str, Fact] = field(default_factory=dict)  # what else the policy has to remember
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """By a hash: a landing key may be longer than a key of the table, and names of pairs hold NUL."""
        partition = earlier_sets.partition_of(self.policy)
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        return {"pk": f"{partition}#{digest}", "sk": partition.partition("#")[0]}

    def fact(self, name: str) -> Fact:
        """Return a fact; an empty text if it was never noted."""
        return self.facts.get(name, "")

    def with_member(self, slot: str, upload_id: str) -> FileSet:
        return replace(self, members={**self.members, slot: upload_id})

    def without_member(self, slot: str) -> FileSet:
        return replace(self, members={of: member for of, member in self.members.items() if of != slot})

    def with_facts(self, **facts: Fact) -> FileSet:
        return replace(self, facts={**self.facts, **facts})

    def item(self) -> dict:
        """As stored, with the fields that earlier versions read."""
        earlier = earlier_sets.fields_of(self.policy, self.name, self.members, self.facts)
        return {**earlier, **asdict(self), **self.keys}

    def stored(self, item: dict) -> FileSet:
        """Return this set as the item of its key holds it, whichever version wrote that."""
        if "members" in item:
            members, facts = dict(item["members"]), item["facts"]
        else:
            members, facts = earlier_sets.members_and_facts(self.policy, item)
        return replace(self, members=members, facts=_plain(facts), revision=int(item["revision"]))


def _plain(facts: dict) -> dict[str, Fact]:
    """Whole numbers come from the table as Decimal."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in facts.items()}


@dataclass(frozen=True)
class JobSlots:
    """Which transform jobs are open, so that their number stays within the limit.

    It is written with each claim and each end of a job, in their transaction, so no crash makes it wrong.
    """

    jobs: tuple[str, ...] = ()
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": "ROOM", "sk": "ROOM"}

    def taken(self, job: str) -> JobSlots:
        return replace(self, jobs=(*self.jobs, job))

    def left(self, job: str) -> JobSlots:
        return replace(self, jobs=tuple(name for name in self.jobs if name != job))

    def item(self) -> dict:
        return {**self.keys, "jobs": list(self.jobs), "revision": self.revision}

    def stored(self, item: dict) -> JobSlots:
        return JobSlots(tuple(item["jobs"]), int(item["revision"]))


@dataclass(frozen=True)
class Position:
    """How far the reconciler has come in a list that is too long for one run; empty at the beginning of the list.

    `place` is where the list continues.
    """

    name: str
    place: dict[str, str] = field(default_factory=dict)
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": f"POSITION#{self.name}", "sk": "POSITION"}

    def item(self) -> dict:
        return {**asdict(self), **self.keys}

    def stored(self, item: dict) -> Position:
        return replace(self, place=dict(item["place"]), revision=int(item["revision"]))


Shared = FileSet | JobSlots | Position
