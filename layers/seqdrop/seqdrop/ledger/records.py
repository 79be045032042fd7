"""Uploads, attempts and jobs in the ledger, and how each record is stored in the table. Runs are in run_record.py.

The table has the partition key `pk` and the sort key `sk`. An upload and its attempts share a partition, so one query
reads both. The index `by_state` has the keys `kind_state` and `moved_at`; the reconciler and `seqdrop status` use it.
Records without a state, which several others share, are in coordination.py.

Each field of a record is an attribute of its item. Do not rename a field: items of earlier versions would lose it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from seqdrop.companions.runs import run_of
from seqdrop.ledger.moves import ATTEMPT, JOB, UPLOAD
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

# The task of a job.
TRANSFORM, EXAMINE, TRAIN, ASYNC, WORKFLOW = "transform", "examine", "train", "async", "workflow"

Item = dict[str, Any]  # a stored item, with the types that boto3's Table resource returns
Fact = str | int | list[str] | dict[str, str] | None  # the value of a record's field
AnyRecord = TypeVar("AnyRecord", bound="Record")
RecordT = TypeVar("RecordT", bound="Record", covariant=True)


@dataclass(frozen=True)
class Record:
    """The fields that all kinds share. Times are ISO 8601 in UTC; `revision` grows by one with every write.

    `pushes` counts the reconciler's nudges (messages that it sent again) since the record's last move. `moved_at` is
    the time of the last move or nudge.
    """

    state: str
    revision: int = 1
    pushes: int = 0  # stored name
    created_at: str = ""
    moved_at: str = ""
    timeline: dict[str, str] = field(default_factory=dict)  # state → the last time the record entered it
    trace_id: str = ""  # of the X-Ray trace that created the record
    told_at: str = ""  # when the lab was notified that the record waits for too long
    expires_at: int = 0  # seconds since 1970, for time-to-live; 0: the record is kept

    kind: ClassVar[str] = ""
    of_state: ClassVar[Item] = {"pushes": 0, "told_at": ""}
    """The fields that concern the present state only, and their values after a move."""

    @property
    def keys(self) -> dict[str, str]:
        """The record's primary key."""
        raise NotImplementedError

    def item(self) -> Item:
        """Return the item to store. Empty fields are left out."""
        values = {name: value for name, value in asdict(self).items() if value not in ("", None)}
        if not self.expires_at:
            del values["expires_at"]
        return {**self.keys, **values, "kind": self.kind, "kind_state": f"{self.kind}#{self.state}"}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return the record that a stored item holds. Attributes that only later versions know are ignored."""
        values: Item = {}
        for known in fields(cls):
            if known.name in item:
                value = item[known.name]
                values[known.name] = int(value) if known.type == "int" else value
        return cls(**values)


@dataclass(frozen=True)
class Upload(Record):
    """One object version, and the results of its examination."""

    id: str = ""
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    etag: str = ""
    size: int = 0
    sequencer: str = ""
    analysis: str = ""  # "" if no prefix of analyses.toml fits the key
    run: str = ""  # the folder that identifies its run (companions/runs.run_of); "" if it is in no run
    format: str = ""
    sha256: str = ""  # hexadecimal, of the object's bytes when they were validated
    crc32: str = ""  # of the same bytes as `sha256`, 8 hexadecimal digits; "" in records of earlier versions
    md5: str = ""  # hexadecimal, of the same bytes; "" if it was not asked for
    sha256_of_parts: str = ""  # the composite SHA-256, for a file that is copied in parts (aws/multipart.py)
    records: int = 0
    figures: str = ""  # JSON of runs.figures.FileFigures; "" in records of earlier versions and of other files
    labels: str = ""  # "yes" if its object has user metadata or tags, which a bundle cannot keep (aws/labels.py)
    lims_id: str = ""  # tag or user metadata `lims-id` of its object, which events carry (docs/events.md)
    reason: str = ""  # code of the fault for which the upload was rejected
    archive_key: str = ""
    storage_class: str = ""  # of its archived copy; "" is DEEP_ARCHIVE: records of earlier versions have none
    mate: str = ""  # upload id of the file with which it advanced or was rejected: its mate, its BED or its FASTA
    waiting_since: str = ""
    read_for: int = 1  # number of the attempt for which the upload was last read, or is being read
    reading_since: str = ""  # when an invocation began to read it (stages/lease.py); "" if none does
    released_at: str = ""  # when a person released it, to be archived without predictions
    training: str = ""  # key of the attempt that trains on it, if it belongs to a training set
    masks_of: str = ""  # key of the attempt that fills its intervals, if it is a BED
    duplicate_of: str = ""  # id of the ARCHIVED upload with the same key, size and SHA-256, which it repeats
    duplicates_with: list[str] = field(default_factory=list)  # ids of the other members of its set that repeat theirs
    listed_by: str = ""  # key of the checksum list that agrees with its bytes (docs/checksums.md); "" if none does
    listed_value: str = ""  # the checksum in that list, hexadecimal; its length says the algorithm
    kept_until: str = ""  # when its landing version is removed, if its analysis has keep_days; "" if that was done
    copying_since: str = ""  # when an invocation began or continued its copy in parts (stages/lease.py)
    refusal: str = ""  # code of the refusal of S3 that the lab was notified about (stages/archive/refusals.py)
    removal_at: str = ""  # when its removal from the landing bucket as a duplicate began
    unbundled_at: str = ""  # when it was decided that a small file of a run is archived as an object of its own
    receipt_sha256: str = ""  # hexadecimal, of the bytes of its receipt; "" in records of earlier versions
    receipt_version: str = ""  # version id of its receipt; "" if the bucket has no versions
    forget_asked_at: str = ""  # when a person asked to delete its archived copy (docs/delete.md); this and the next
    forget_due_at: str = ""  # four concern the state FORGETTING only: the earliest time of the deletion
    forget_reason: str = ""
    forget_results: str = ""  # "yes": its results are deleted as well
    forget_begun_at: str = ""  # when the deletion began: it cannot be cancelled any more

    kind: ClassVar[str] = UPLOAD
    of_state: ClassVar[Item] = {
        **Record.of_state,
        "reading_since": "",
        "copying_since": "",
        "refusal": "",
        "forget_asked_at": "",
        "forget_due_at": "",
        "forget_reason": "",
        "forget_results": "",
        "forget_begun_at": "",
    }

    @property
    def keys(self) -> dict[str, str]:
        """The upload's primary key."""
        return upload_keys(self.id)

    @property
    def version(self) -> UploadVersion:
        """The object version."""
        return UploadVersion(self.bucket, self.key, self.version_id, self.size, self.etag, self.sequencer)

    @classmethod
    def from_version(cls, version: UploadVersion, analysis: str, prefix: str = "") -> Upload:
        """Return the RECEIVED upload of an object version. `prefix` is the analysis's; "" if it has no analysis."""
        run = run_of(version.key, prefix) if prefix else ""
        return cls("RECEIVED", id=version.id, analysis=analysis, run=run, **asdict(version))


@dataclass(frozen=True)
class Attempt(Record):
    """One upload × analysis × number: one try at predictions for the upload, or at a model."""

    upload_id: str = ""
    analysis: str = ""
    run: str = ""  # as in its upload
    number: int = 1
    shards: int = 0
    items: int = 0  # lines over all shards, and so the number of lines that the outputs must have
    taken: int = 0  # records selected for the model
    distinct: int = 0  # distinct records among those
    windows: int = 0  # windows (residues of proteins) in its work items; 0 if an earlier version planned the attempt
    masks: str = ""  # upload id of the BED that names the intervals to fill
    # The analysis for which the work items were written (`Analysis.as_json`), or the training order (`Order.as_json`).
    plan: str = ""
    cut_as: str = ""  # `key` of the attempt whose shards this one uses; "" for its own
    group: str = ""  # the attempt shares a job only with attempts of its group: members of a job that failed
    lost: int = 0  # how often in a row the work was lost for a cause outside it, such as an instance that died
    job: str = ""
    reason: str = ""

    kind: ClassVar[str] = ATTEMPT

    @property
    def keys(self) -> dict[str, str]:
        """The attempt's primary key."""
        return {"pk": f"UPLOAD#{self.upload_id}", "sk": f"ATTEMPT#{self.analysis}#{self.number:04d}"}

    @property
    def key(self) -> str:
        """The attempt's name in object names and in a job's members."""
        return f"{self.upload_id}-{self.analysis}-{self.number}"

    @property
    def shards_key(self) -> str:
        """The name of its shards. An attempt that repeats another's work uses the other's shards."""
        return self.cut_as or self.key

    def next_attempt(self, group: str = "", lost: int = 0) -> Attempt:
        """Return the next attempt at the same work, with the same shards."""
        return Attempt(
            "PLANNED",
            upload_id=self.upload_id,
            analysis=self.analysis,
            run=self.run,
            number=self.number + 1,
            shards=self.shards,
            items=self.items,
            taken=self.taken,
            distinct=self.distinct,
            windows=self.windows,
            masks=self.masks,
            plan=self.plan,
            cut_as=self.shards_key,
            group=group,
            lost=lost,
        )


@dataclass(frozen=True)
class Job(Record):
    """One SageMaker job; `request` is the request of its creation, as JSON.

    The members of a batch transform are `Attempt.key`s; a training job (task "train") has one member. A processing job
    (task "examine") has none: `upload` is the id of the upload that it examines, and `plan` is the analysis at the time
    when the job was planned (`Analysis.as_json`). The job of an asynchronous endpoint (task "async") is no job of
    SageMaker's: it has one member, and its request is that of each shard (`sagemaker.async_requests.Order`). A job of
    the task "workflow" is a run of HealthOmics, or a sample sheet: its request is a `stages.workflow.order.Order`.
    """

    name: str = ""
    task: str = TRANSFORM
    analysis: str = ""
    members: list[str] = field(default_factory=list)
    request: str = ""
    tags: dict[str, str] = field(default_factory=dict)  # cost allocation tags
    waits: int = 0  # how often SageMaker had no capacity for it
    due_at: str = ""  # the earliest time of the next try to start it
    model: str = ""  # the model's name in analyses.toml
    model_key: str = ""  # key of the model's archive in the results bucket
    model_digest: str = ""  # SHA-256 of that archive, or of the code of a job without a model
    model_request: str = ""  # the request of CreateModel, as JSON
    upload: str = ""
    plan: str = ""
    calibration: str = ""  # calibration of that archive (`Calibration.as_json`); "" if it has none
    outputs: list[str] = field(default_factory=list)  # async: where SageMaker writes the response to each request
    failures: list[str] = field(default_factory=list)  # async: where it writes why a request failed; "" if nowhere
    run_id: str = ""  # workflow: the id of its run in HealthOmics
    stop_reason: str = ""  # why the reconciler ordered SageMaker to stop it
    reason: str = ""

    kind: ClassVar[str] = JOB

    @property
    def keys(self) -> dict[str, str]:
        """The job's primary key."""
        return job_keys(self.name)


@dataclass(frozen=True)
class Step(Generic[RecordT]):
    """A move that is written together with others: `record` goes `to` a state, and its fields in `facts` are set.

    If `to` is the state that the record is in, only the facts are written.
    """

    record: RecordT
    to: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def upload_keys(upload_id: str) -> dict[str, str]:
    """Return the primary key of the upload with this id."""
    return {"pk": f"UPLOAD#{upload_id}", "sk": "UPLOAD"}


def job_keys(name: str) -> dict[str, str]:
    """Return the primary key of the job with this name."""
    return {"pk": f"JOB#{name}", "sk": "JOB"}


def attempt_keys(attempt_key: str) -> dict[str, str]:
    """Return the primary key of the attempt that `Attempt.key` names."""
    upload_id, analysis, number = attempt_key.split("-")
    return Attempt("", upload_id=upload_id, analysis=analysis, number=int(number)).keys


def apply_move(record: AnyRecord, to: str, now: str, facts: Mapping[str, Fact]) -> AnyRecord:
    """Return a copy of the record after a move at the time `now`, with its fields in `facts` set."""
    moved: Item = {**record.of_state, "moved_at": now, "timeline": {**record.timeline, to: now}}
    return replace(record, state=to, revision=record.revision + 1, **(moved | dict(facts)))


def apply_facts(record: AnyRecord, facts: Mapping[str, Fact]) -> AnyRecord:
    """Return a copy of the record with its fields in `facts` set; its state and the time of its move stay."""
    changed: Item = dict(facts)
    return replace(record, revision=record.revision + 1, **changed)


def apply_nudge(record: AnyRecord, now: str) -> AnyRecord:
    """Return a copy of the record after a nudge by the reconciler: the state stays, and `moved_at` is `now`."""
    return replace(record, revision=record.revision + 1, pushes=record.pushes + 1, moved_at=now)
