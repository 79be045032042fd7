"""The three kinds of ledger record, and how each lies in the table.

Table: partition key `pk`, sort key `sk`. An upload and its attempts share a partition, so one query reads both.
Index `by_state`: `kind_state` and `moved_at`, for the reconciler and for `seqdrop status`. What several records have to
do with, and has no state, is in shared.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from seqdrop.companions.runs import run_of
from seqdrop.ledger.moves import ATTEMPT, JOB, UPLOAD
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a job is for.
TRANSFORM, EXAMINE, TRAIN = "transform", "examine", "train"


@dataclass(frozen=True)
class Record:
    """What all three share. `revision` grows by one with every write; times are ISO 8601 in UTC.

    `pushes` counts how often the reconciler sent it on since it last moved, and `moved_at` is when it did either.
    """

    state: str
    revision: int = 1
    pushes: int = 0
    created_at: str = ""
    moved_at: str = ""
    timeline: dict[str, str] = field(default_factory=dict)  # state → when it last came there
    trace_id: str = ""  # of the X-Ray trace in which it was written first
    told_at: str = ""  # when the lab was told that it stands still
    expires_at: int = 0  # seconds since 1970, for time-to-live; 0: it is kept

    kind = ""

    @property
    def keys(self) -> dict[str, str]:
        """The record's primary key."""
        raise NotImplementedError

    def item(self) -> dict:
        """As stored. Empty fields are left out."""
        values = {name: value for name, value in asdict(self).items() if value not in ("", None)}
        if not self.expires_at:
            del values["expires_at"]
        return {**self.keys, **values, "kind": self.kind, "kind_state": f"{self.kind}#{self.state}"}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return the record that a stored item holds; attributes of later versions are left out."""
        known = {f.name: f for f in fields(cls)}
        values = {name: value for name, value in item.items() if name in known}
        return cls(**{name: int(v) if known[name].type == "int" else v for name, v in values.items()})


@dataclass(frozen=True)
class Upload(Record):
    """One object version and what was found in it."""

    id: str = ""
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    etag: str = ""
    size: int = 0
    sequencer: str = ""
    analysis: str = ""  # "" while no prefix fits
    run: str = ""  # the folder that stands for its run (runs.run_of); "" if it is in none
    format: str = ""
    sha256: str = ""  # hexadecimal, of the object's bytes as they were validated
    sha256_of_parts: str = ""  # the same, of a file that is copied in parts (aws/multipart.py)
    records: int = 0
    reason: str = ""  # code of the fault that rejected it
    archive_key: str = ""
    mate: str = ""  # upload id of the mate (of a FASTA: the BED, of a BED: the FASTA) that it was settled with
    waiting_since: str = ""
    read_for: int = 1  # number of the attempt that it is, or was last, read for
    released_at: str = ""  # when a person said that it may be archived without what it came for
    training: str = ""  # key of the attempt that trains on it, if it is a file of a data set
    masks_of: str = ""  # key of the attempt that fills its stretches, if it is a BED

    kind = UPLOAD

    @property
    def keys(self) -> dict[str, str]:
        return upload_keys(self.id)

    @property
    def version(self) -> UploadVersion:
        return UploadVersion(self.bucket, self.key, self.version_id, self.size, self.etag, self.sequencer)

    @classmethod
    def received(cls, version: UploadVersion, analysis: str, prefix: str = "") -> Upload:
        run = run_of(version.key, prefix) if prefix else ""
        return cls("RECEIVED", id=version.id, analysis=analysis, run=run, **asdict(version))


@dataclass(frozen=True)
class Attempt(Record):
    """One upload × analysis × number: one try at predictions for it."""

    upload_id: str = ""
    analysis: str = ""
    run: str = ""  # its upload's
    number: int = 1
    shards: int = 0
    items: int = 0  # lines over all shards, so also the lines its outputs must have
    taken: int = 0  # records that the model is to see, and how many of them differ from each other
    distinct: int = 0
    masks: str = ""  # upload id of the BED that says what to fill
    plan: str = (
        ""  # the analysis as it was when the work was cut (`Analysis.as_json`), or what to train (`Order.as_json`)
    )
    cut_as: str = ""  # `key` of the attempt whose shards it goes by; "" for its own
    group: str = ""  # it shares a job with none but attempts of its group: what is left of a job that failed
    lost: int = 0  # how often in a row its work was lost through nobody's fault, such as an instance that died
    job: str = ""
    reason: str = ""

    kind = ATTEMPT

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": f"UPLOAD#{self.upload_id}", "sk": f"ATTEMPT#{self.analysis}#{self.number:04d}"}

    @property
    def key(self) -> str:
        """A text that names this attempt in object names and in job members."""
        return f"{self.upload_id}-{self.analysis}-{self.number}"

    @property
    def shards_key(self) -> str:
        """What its shards are named after: an attempt that repeats another's work takes its shards."""
        return self.cut_as or self.key

    def again(self, group: str = "", lost: int = 0) -> Attempt:
        """The next attempt at the same work, by the same shards."""
        same = {name: getattr(self, name) for name in ("shards", "items", "taken", "distinct", "masks", "plan", "run")}
        place = {"upload_id": self.upload_id, "analysis": self.analysis, "number": self.number + 1}
        return Attempt("PLANNED", **place, **same, cut_as=self.shards_key, group=group, lost=lost)


@dataclass(frozen=True)
class Job(Record):
    """One SageMaker job; `request` is what the service is sent, as JSON.

    A batch transform has members, which are `Attempt.key`s, and a training job ("train") has one. A processing job,
    whose task is "examine", is for one upload (its id), by the analysis as it was then (`Analysis.as_json`).
    """

    name: str = ""
    task: str = TRANSFORM
    analysis: str = ""
    members: list[str] = field(default_factory=list)
    request: str = ""
    tags: dict[str, str] = field(default_factory=dict)  # what its cost is told by on the bill
    waits: int = 0  # how often SageMaker had no room for it
    due_at: str = ""  # not to be started before
    model: str = ""  # as analyses.toml names it
    model_key: str = ""  # its archive in the results bucket, and that archive's SHA-256
    model_digest: str = ""
    model_request: str = ""  # what CreateModel is sent, as JSON
    upload: str = ""
    plan: str = ""
    calibration: str = ""  # the archive's (`Calibration.as_json`); "" if it has none
    reason: str = ""

    kind = JOB

    @property
    def keys(self) -> dict[str, str]:
        return {"pk": f"JOB#{self.name}", "sk": "JOB"}


@dataclass(frozen=True)
class Step:
    """A move to be made together with others: `record` goes `to`, and these facts are noted on it.

    To where it stands: the facts are noted, and that is all.
    """

    record: Record
    to: str
    facts: dict = field(default_factory=dict)


KINDS: dict[str, type[Record]] = {UPLOAD: Upload, ATTEMPT: Attempt, JOB: Job}


def upload_keys(upload_id: str) -> dict[str, str]:
    return {"pk": f"UPLOAD#{upload_id}", "sk": "UPLOAD"}


def job_keys(name: str) -> dict[str, str]:
    return {"pk": f"JOB#{name}", "sk": "JOB"}


def attempt_keys(attempt_key: str) -> dict[str, str]:
    """The primary key of the attempt that `Attempt.key` names."""
    upload_id, analysis, number = attempt_key.split("-")
    return Attempt("", upload_id=upload_id, analysis=analysis, number=int(number)).keys


def from_item(item: dict) -> Record:
    return KINDS[item["kind"]].from_item(item)


def moved(record: Record, to: str, now: str, **facts) -> Record:
    """The record after a move; the one it came from is left as it was."""
    known = {"pushes": 0, "told_at": "", "moved_at": now, "timeline": {**record.timeline, to: now}}
    return replace(record, state=to, revision=record.revision + 1, **(known | facts))


def noted(record: Record, **facts) -> Record:
    """The record with facts added; it stands where it stood, since when it did."""
    return replace(record, revision=record.revision + 1, **facts)


def pushed(record: Record, now: str) -> Record:
    """The record after the reconciler sent it on: in the same state, and standing from now."""
    return replace(record, revision=record.revision + 1, pushes=record.pushes + 1, moved_at=now)
