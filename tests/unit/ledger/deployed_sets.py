"""The code with which deployed versions (commits 157adf1 and 8341408) write and read pairs, data sets and runs.

It is copied without the docstrings. The tests use it as an oracle: it writes the items that those versions have in the
table, and shows which items they can read.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True)
class Pair:
    name: str
    first: str = ""
    second: str = ""
    settled: tuple[str, ...] = ()  # stored name
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": f"PAIR#{hashlib.sha256(self.name.encode()).hexdigest()}", "sk": "PAIR"}

    def item(self) -> dict:
        return {**asdict(self), **self.keys, "settled": list(self.settled)}

    @classmethod
    def from_item(cls, item: dict) -> Pair:
        resolved = tuple(item["settled"])
        return cls(item["name"], item["first"], item["second"], resolved, int(item["revision"]))


@dataclass(frozen=True)
class DataSet:
    name: str
    seats: dict[str, str] = field(default_factory=dict)  # stored name
    attempt: str = ""
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": f"SET#{hashlib.sha256(self.name.encode()).hexdigest()}", "sk": "SET"}

    def item(self) -> dict:
        return {**asdict(self), **self.keys}

    @classmethod
    def from_item(cls, item: dict) -> DataSet:
        return cls(item["name"], dict(item["seats"]), item["attempt"], int(item["revision"]))


@dataclass(frozen=True)
class Run:
    folder: str
    opened_at: str = ""
    opened_by: str = ""
    manifest: str = ""
    missing: int = 0
    awaits: str = ""
    told_at: str = ""
    revision: int = 0

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": f"RUN#{hashlib.sha256(self.folder.encode()).hexdigest()}", "sk": "RUN"}

    def item(self) -> dict:
        return {**asdict(self), **self.keys}

    @classmethod
    def from_item(cls, item: dict) -> Run:
        values = {field.name: item[field.name] for field in fields(cls)}
        return cls(**values | {"missing": int(item["missing"]), "revision": int(item["revision"])})
