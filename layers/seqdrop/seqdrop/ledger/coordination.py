"""What several ledger records have to do with, and has no state of its own: each is read, changed and written back only
if nobody else wrote it in between. Its revision says so: 0 is that of one that is not in the table yet.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields, replace

ROOM_KEYS = {"pk": "ROOM", "sk": "ROOM"}


@dataclass(frozen=True)
class Pair:
    """Which uploads hold the two seats of a pair. It has no state of its own: uploads have.

    Every move by which an upload takes a seat, or goes on because of who holds the other, is one transaction with a
    write of this record. So of two mates that come at one moment, the later one sees the earlier.
    """

    name: str  # MateName.pair
    first: str = ""  # upload ids
    second: str = ""
    settled: tuple[str, ...] = ()  # the two that were last settled with each other
    revision: int = 0  # 0: not in the table yet

    @property
    def keys(self) -> dict[str, str]:
        return pair_keys(self.name)

    def seat(self, number: int) -> str:
        """The upload id in seat 1 or 2; empty if none is."""
        return {1: self.first, 2: self.second}[number]

    def seated(self, number: int, upload_id: str, settled: tuple[str, ...] = ()) -> Pair:
        """The pair with an upload in a seat, and, if told, who was settled."""
        seats = {1: {"first": upload_id}, 2: {"second": upload_id}}[number]
        return replace(self, settled=settled or self.settled, **seats)

    def item(self) -> dict:
        return {**asdict(self), **self.keys, "settled": list(self.settled)}

    @classmethod
    def from_item(cls, item: dict) -> Pair:
        revision, settled = int(item["revision"]), tuple(item["settled"])
        return cls(item["name"], item["first"], item["second"], settled, revision)


@dataclass(frozen=True)
class DataSet:
    """Which uploads are the files of a training: their names below its folder → upload ids. As a Pair, it has no state.
    Or a FASTA and the BED of its masks, as mask_names.SEATS.

    `attempt` is the key of the last attempt that was planned for a training.
    """

    name: str  # Place.set_name, MaskName.set_name
    seats: dict[str, str] = field(default_factory=dict)
    attempt: str = ""
    revision: int = 0  # 0: not in the table yet

    @property
    def keys(self) -> dict[str, str]:
        return data_set_keys(self.name)

    def seated(self, file: str, upload_id: str) -> DataSet:
        """The set with an upload as one of its files."""
        return replace(self, seats={**self.seats, file: upload_id})

    def without(self, file: str) -> DataSet:
        """The set with that seat free."""
        return replace(self, seats={name: one for name, one in self.seats.items() if name != file})

    def item(self) -> dict:
        return {**asdict(self), **self.keys}

    @classmethod
    def from_item(cls, item: dict) -> DataSet:
        return cls(item["name"], dict(item["seats"]), item["attempt"], int(item["revision"]))


@dataclass(frozen=True)
class Room:
    """Which transform jobs are open, so that no more are than may be. Like a Pair, it has no state.

    It is written with each claim and each end of a job, in their transaction: it is never wrong, whoever crashes.
    """

    jobs: tuple[str, ...] = ()
    revision: int = 0  # 0: not in the table yet

    keys = ROOM_KEYS

    def taken(self, job: str) -> Room:
        return replace(self, jobs=(*self.jobs, job))

    def left(self, job: str) -> Room:
        return replace(self, jobs=tuple(name for name in self.jobs if name != job))

    def item(self) -> dict:
        return {**self.keys, "jobs": list(self.jobs), "revision": self.revision}

    @classmethod
    def from_item(cls, item: dict) -> Room:
        return cls(tuple(item["jobs"]), int(item["revision"]))


@dataclass(frozen=True)
class Position:
    """How far the reconciler has come in a list that is too long for one run; empty at its beginning.

    `place` is what the list goes on from. Like a Pair, it has no state.
    """

    name: str
    place: dict[str, str] = field(default_factory=dict)
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        return position_keys(self.name)

    def item(self) -> dict:
        return {**asdict(self), **self.keys}

    @classmethod
    def from_item(cls, item: dict) -> Position:
        return cls(item["name"], dict(item["place"]), int(item["revision"]))


@dataclass(frozen=True)
class Run:
    """A folder that is a run's, as far as files below it wait for it. As a Pair, it has no state: it is open or not.

    `manifest` is the upload that lists its files, `missing` how many were not there when that was last looked at, and
    `awaits` the key of one of them; "" while a look is under way.
    """

    folder: str  # bucket and folder, with its slash
    opened_at: str = ""
    opened_by: str = ""  # upload id of the marker
    manifest: str = ""
    missing: int = 0
    awaits: str = ""
    told_at: str = ""  # when the lab was told that no marker has come
    revision: int = 0  # 0: not in the table yet

    @property
    def keys(self) -> dict[str, str]:
        return run_keys(self.folder)

    def item(self) -> dict:
        return {**asdict(self), **self.keys}

    @classmethod
    def from_item(cls, item: dict) -> Run:
        values = {one.name: item[one.name] for one in fields(cls)}
        return cls(**values | {"missing": int(item["missing"]), "revision": int(item["revision"])})


Shared = Pair | DataSet | Room | Position | Run


def pair_keys(name: str) -> dict[str, str]:
    """By a hash: a landing key may be longer than others, and names of pairs hold NUL."""
    return {"pk": f"PAIR#{hashlib.sha256(name.encode()).hexdigest()}", "sk": "PAIR"}


def data_set_keys(name: str) -> dict[str, str]:
    return {"pk": f"SET#{hashlib.sha256(name.encode()).hexdigest()}", "sk": "SET"}


def run_keys(folder: str) -> dict[str, str]:
    return {"pk": f"RUN#{hashlib.sha256(folder.encode()).hexdigest()}", "sk": "RUN"}


def position_keys(name: str) -> dict[str, str]:
    return {"pk": f"POSITION#{name}", "sk": "POSITION"}
