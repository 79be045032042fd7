"""Records without a state of their own: sets of files, job slots, positions, measured speeds.

Each is read, changed, and written back on the condition that its revision is still the one that was read. A record
that is not in the table yet has revision 0. Files in the archive (archived_files.py) and
bundles (run_bundles.py) have such records as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from seqdrop.ledger import earlier_sets
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.endpoint_record import EndpointRecord
from seqdrop.ledger.kept_versions import KeptVersion
from seqdrop.ledger.run_bundles import RunBundles
from seqdrop.ledger.start_pace import StartPace
from seqdrop.ledger.transfer_record import TransferRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Item

Fact = str | int | list[str]


@dataclass(frozen=True)
class FileSet:
    """Files that belong together: the upload in each slot. Policies (stages/assemble) define the slots.

    If an upload takes a slot, or advances because of another member, its move and a write of this record are one
    transaction. Therefore, if two members arrive at the same moment, the later one sees the earlier one.
    """

    policy: str
    name: str  # unique within the policy, over all buckets
    members: dict[str, str] = field(default_factory=dict)  # slot → upload id
    facts: dict[str, Fact] = field(default_factory=dict)  # further data of the policy, by name
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key, with a hash of the name: a landing key may be longer than a table key, or contain NUL."""
        partition = earlier_sets.partition_of(self.policy)
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        return {"pk": f"{partition}#{digest}", "sk": partition.partition("#")[0]}

    def fact(self, name: str) -> Fact:
        """Return a fact; an empty text if it was never written."""
        return self.facts.get(name, "")

    def text(self, name: str) -> str:
        """Return a fact that is a text; "" if it was never written."""
        value = self.facts.get(name, "")
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """Return a fact that is a number; 0 if it was never written."""
        value = self.facts.get(name, 0)
        return value if isinstance(value, int) else 0

    def texts(self, name: str) -> list[str]:
        """Return a fact that is a list of texts; an empty one if it was never written."""
        value = self.facts.get(name, [])
        return value if isinstance(value, list) else []

    def with_member(self, slot: str, upload_id: str) -> FileSet:
        """Return this set with an upload in a slot."""
        return replace(self, members={**self.members, slot: upload_id})

    def without_member(self, slot: str) -> FileSet:
        """Return this set with a slot empty."""
        return replace(self, members={other: member for other, member in self.members.items() if other != slot})

    def with_facts(self, **facts: Fact) -> FileSet:
        """Return this set with some facts replaced."""
        return replace(self, facts={**self.facts, **facts})

    def item(self) -> Item:
        """Return the item to store, with the fields that earlier versions read."""
        earlier = earlier_sets.fields_of(self.policy, self.name, self.members, self.facts)
        return {**earlier, **asdict(self), **self.keys}

    def with_item(self, item: Item) -> FileSet:
        """Return this set with the content of its stored item, which any version may have written."""
        if "members" in item:
            members, facts = dict(item["members"]), item["facts"]
        else:
            members, facts = earlier_sets.members_and_facts(self.policy, item)
        return replace(self, members=members, facts=_convert_numbers(facts), revision=int(item["revision"]))


def _convert_numbers(facts: Mapping[str, Fact | Decimal]) -> dict[str, Fact]:
    """Return facts with whole numbers as int; the table returns them as Decimal."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in facts.items()}


@dataclass(frozen=True)
class JobSlots:
    """The open transform jobs. Their number is limited.

    The record is written in the same transaction as the claim of a job or its end, so no crash makes it wrong. Its key
    and its attributes have the names of earlier versions, which called the slots a room.
    """

    jobs: tuple[str, ...] = ()
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key of the only such record."""
        return {"pk": "ROOM", "sk": "ROOM"}

    def with_job(self, job: str) -> JobSlots:
        """Return the slots after this job has taken one."""
        return replace(self, jobs=(*self.jobs, job))

    def without_job(self, job: str) -> JobSlots:
        """Return the slots after this job has given its slot back."""
        return replace(self, jobs=tuple(name for name in self.jobs if name != job))

    def item(self) -> Item:
        """Return the item to store."""
        return {**self.keys, "jobs": list(self.jobs), "revision": self.revision}

    def with_item(self, item: Item) -> JobSlots:
        """Return the slots that a stored item holds."""
        return JobSlots(tuple(item["jobs"]), int(item["revision"]))


@dataclass(frozen=True)
class Position:
    """The reconciler's position in a listing that is too long for one run.

    `place` is where the listing continues; it is empty at the beginning.
    """

    name: str
    place: dict[str, str] = field(default_factory=dict)
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The position's primary key."""
        return {"pk": f"POSITION#{self.name}", "sk": "POSITION"}

    def item(self) -> Item:
        """Return the item to store."""
        return {**asdict(self), **self.keys}

    def with_item(self, item: Item) -> Position:
        """Return this position with the content of its stored item."""
        return replace(self, place=dict(item["place"]), revision=int(item["revision"]))


@dataclass(frozen=True)
class Speed:
    """The rate of the last long job of an analysis with one model archive on one instance type.

    `seconds` are those of all instances together, and `job` is the job's name.
    """

    analysis: str
    digest: str  # of the model archive
    instance_type: str
    windows: int = 0
    seconds: int = 0
    job: str = ""
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        """The primary key."""
        return {"pk": f"SPEED#{self.analysis}#{self.digest}#{self.instance_type}", "sk": "SPEED"}

    @property
    def rate(self) -> float:
        """Windows (residues of proteins) per second and instance; 0 if no job has measured it."""
        return self.windows / self.seconds if self.seconds else 0.0

    def measured(self, windows: int, seconds: int, job: str) -> Speed:
        """Return this record with the rate of another job."""
        return replace(self, windows=windows, seconds=seconds, job=job)

    def item(self) -> Item:
        """Return the item to store."""
        return {**asdict(self), **self.keys}

    def with_item(self, item: Item) -> Speed:
        """Return this record with the content of its stored item."""
        measured = self.measured(int(item["windows"]), int(item["seconds"]), str(item["job"]))
        return replace(measured, revision=int(item["revision"]))


Shared = (
    FileSet
    | JobSlots
    | Position
    | Speed
    | ArchivedFile
    | RunBundles
    | KeptVersion
    | EndpointRecord
    | TransferRecord
    | StartPace
)
