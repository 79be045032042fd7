"""Reads and writes of the ledger. Every write is conditional on the record's state and revision.

Reads are consistent, except `in_state`: a decision must see the last write. Methods that write return False if another
writer was first, which is no error.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_conflict
from seqdrop.errors import RecordNotFoundError
from seqdrop.ledger import moves
from seqdrop.ledger.coordination import FileSet, JobSlots, Position, Shared
from seqdrop.ledger.records import (
    Attempt,
    Fact,
    Job,
    Record,
    Step,
    Upload,
    apply_facts,
    apply_move,
    apply_nudge,
    attempt_keys,
    from_item,
    job_keys,
    upload_keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Unpack

    from boto3.dynamodb.conditions import ConditionBase
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_dynamodb.type_defs import QueryInputTableQueryTypeDef, TransactWriteItemTypeDef

    from seqdrop.ledger.records import Item

R = TypeVar("R", bound=Record)
S = TypeVar("S", FileSet, JobSlots, Position)


class Ledger:
    """The records of a deployment.

    `table` is a boto3 Table resource. `now` returns the time as ISO 8601 text, and `trace` the id of the X-Ray trace of
    the present call. Time-to-live removes records in a state of `moves.FORGETTABLE` after `keep_days`; 0 keeps them.
    """

    def __init__(
        self, table: Table, now: Callable[[], str], trace: Callable[[], str] = lambda: "", keep_days: int = 0
    ) -> None:
        self._table = table
        self._client = table.meta.client
        self._now = now
        self._trace = trace
        self._keep_days = keep_days

    # -- reading --

    def find_upload(self, upload_id: str) -> Upload | None:
        """Return the upload with this id; None if there is no record of it."""
        return self._get(Upload, upload_keys(upload_id))

    def require_upload(self, upload_id: str) -> Upload:
        """Return the upload with this id. Raise RecordNotFoundError if there is no record of it."""
        return _require(self.find_upload(upload_id), "upload", upload_id)

    def find_attempt(self, attempt_key: str) -> Attempt | None:
        """Return the attempt that `Attempt.key` names; None if there is no record of it."""
        return self._get(Attempt, attempt_keys(attempt_key))

    def require_attempt(self, attempt_key: str) -> Attempt:
        """Return the attempt that `Attempt.key` names. Raise RecordNotFoundError if there is no record of it."""
        return _require(self.find_attempt(attempt_key), "attempt", attempt_key)

    def find_job(self, name: str) -> Job | None:
        """Return the job of this name; None if there is no record of it."""
        return self._get(Job, job_keys(name))

    def require_job(self, name: str) -> Job:
        """Return the job of this name. Raise RecordNotFoundError if there is no record of it."""
        return _require(self.find_job(name), "job", name)

    def attempts(self, upload_id: str) -> list[Attempt]:
        """Return all attempts of an upload, ordered by analysis and number."""
        partition = Key("pk").eq(f"UPLOAD#{upload_id}") & Key("sk").begins_with("ATTEMPT#")
        pages = self._query(KeyConditionExpression=partition, ConsistentRead=True)
        return [Attempt.from_item(item) for item in pages]

    def file_set(self, policy: str, name: str) -> FileSet:
        """Return a set of files; an empty one, with revision 0, if it has no record."""
        return self._get_shared(FileSet(policy, name))

    def job_slots(self) -> JobSlots:
        """Return the slots of open transform jobs."""
        return self._get_shared(JobSlots())

    def position(self, name: str) -> Position:
        """Return the reconciler's position in a listing."""
        return self._get_shared(Position(name))

    def deciding_attempts(self, upload: Upload) -> list[Attempt]:
        """Return the attempts whose outcome decides when an upload may be archived.

        For a file of a training set, or a BED, this is the last attempt that uses it; otherwise the last attempt of
        each of the upload's own analyses.
        """
        if of_others := upload.training or upload.masks_of:
            return [self._last_attempt(self.require_attempt(of_others))]
        return list({attempt.analysis: attempt for attempt in self.attempts(upload.id)}.values())

    def _last_attempt(self, attempt: Attempt) -> Attempt:
        """Return the last attempt at the same work. The given one may have failed, and another may have followed."""
        return [other for other in self.attempts(attempt.upload_id) if other.analysis == attempt.analysis][-1]

    def select_unrecorded(self, upload_ids: Iterable[str]) -> set[str]:
        """Return those of at most 100 upload ids that have no record.

        Ids that DynamoDB left unread, because it was throttled, count as recorded.
        """
        ids = set(upload_ids)
        response = self._client.batch_get_item(
            RequestItems={
                self._table.name: {
                    "Keys": [upload_keys(upload_id) for upload_id in ids],
                    "ConsistentRead": True,
                    "ProjectionExpression": "id, pk",
                }
            }
        )
        unread = response.get("UnprocessedKeys", {}).get(self._table.name)
        unread_keys = unread["Keys"] if unread else []
        items = response["Responses"].get(self._table.name, [])
        known: set[object] = {item["pk"] for item in items} | {key["pk"] for key in unread_keys}
        return {upload_id for upload_id in ids if upload_keys(upload_id)["pk"] not in known}

    @overload
    def in_state(
        self, kind: Literal["upload"], state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Upload]: ...

    @overload
    def in_state(
        self, kind: Literal["attempt"], state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Attempt]: ...

    @overload
    def in_state(
        self, kind: Literal["job"], state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Job]: ...

    @overload
    def in_state(
        self, kind: str, state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Record]: ...

    def in_state(
        self, kind: str, state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Record]:
        """Yield the records of a kind in a state, the one that moved first coming first. Eventually consistent.

        `moved_before` (exclusive) alone, or with `moved_after` (then both inclusive), limits the time of their last
        move or nudge.
        """
        condition: ConditionBase = Key("kind_state").eq(f"{kind}#{state}")
        if moved_before and moved_after:
            condition &= Key("moved_at").between(moved_after, moved_before)
        elif moved_before:
            condition &= Key("moved_at").lt(moved_before)
        for item in self._query(IndexName="by_state", KeyConditionExpression=condition):
            yield from_item(item)

    # -- writing --

    def create(self, record: Record) -> bool:
        """Write a new record; return False if it exists already."""
        return self._transact([self._put(record)])

    def move(self, record: Record, to: str, *new: Record, **facts: Fact) -> bool:
        """Move a record, set the fields in `facts`, and write new records, in one transaction."""
        return self._transact([self._step(Step(record, to, facts)), *map(self._put, new)])

    def move_together(
        self, steps: Iterable[Step[Record]], new: Iterable[Record] = (), shared: Shared | None = None
    ) -> bool:
        """Take several steps and write new records, all or nothing.

        With `shared`, nothing is written unless that record still has the revision that was read.
        """
        writes = [*map(self._step, steps), *map(self._put, new)]
        return self._transact([*writes, *([self._put_shared(shared)] if shared else [])])

    def note(self, record: Record, **facts: Fact) -> bool:
        """Set fields of a record that stays in its state."""
        return self._transact([self._replace(record, apply_facts(record, facts))])

    def claim(self, job: Job, members: list[Attempt], slots: JobSlots | None = None) -> bool:
        """Write a job and move its members to SUBMITTED, all or nothing (at most 100 writes).

        With `slots`, the job takes one of them, if the record still has the revision that was read.
        """
        claims = [self._step(Step(member, "SUBMITTED", {"job": job.name})) for member in members]
        taken = [self._put_shared(slots.with_job(job.name))] if slots else []
        return self._transact([self._put(job), *claims, *taken])

    def save(self, shared: Shared) -> bool:
        """Write a record without a state, if it still has the revision that was read."""
        return self._transact([self._put_shared(shared)])

    def note_nudge(self, record: Record) -> bool:
        """Count a nudge by the reconciler on a record; return False if the record has moved meanwhile."""
        return self._transact([self._replace(record, apply_nudge(record, self._now()))])

    def _put(self, record: Record) -> TransactWriteItemTypeDef:
        moves.check(record.kind, None, record.state)
        now = self._now()
        item = {**record.item(), "created_at": now, "moved_at": now, "timeline": {record.state: now}}
        if trace := self._trace():
            item["trace_id"] = trace
        return self._put_new(item)

    def _put_new(self, item: Item) -> TransactWriteItemTypeDef:
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._table.name, "Item": item, "ConditionExpression": condition}}

    def _step(self, step: Step[Record]) -> TransactWriteItemTypeDef:
        record, to, facts = step.record, step.to, dict(step.facts)
        if to == record.state:
            return self._replace(record, apply_facts(record, facts))
        moves.check(record.kind, record.state, to)
        now = self._now()
        if self._keep_days and to in moves.FORGETTABLE.get(record.kind, ()):
            facts["expires_at"] = self.compute_expiry(now)
        return self._replace(record, apply_move(record, to, now, facts))

    def compute_expiry(self, now: str) -> int:
        """Return when a record that enters its final state now is removed, in seconds since 1970; 0 for never."""
        expiry = datetime.fromisoformat(now) + timedelta(days=self._keep_days)
        return int(expiry.timestamp()) if self._keep_days else 0

    def _replace(self, record: Record, after: Record) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": after.item(),
                "ConditionExpression": "#state = :state AND #revision = :revision",
                "ExpressionAttributeNames": {"#state": "state", "#revision": "revision"},
                "ExpressionAttributeValues": {":state": record.state, ":revision": record.revision},
            }
        }

    def _put_shared(self, shared: Shared) -> TransactWriteItemTypeDef:
        item = replace(shared, revision=shared.revision + 1).item()
        if not shared.revision:
            return self._put_new(item)
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": item,
                "ConditionExpression": "#revision = :revision",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": {":revision": shared.revision},
            }
        }

    def _transact(self, writes: list[TransactWriteItemTypeDef]) -> bool:
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if not is_conflict(error):
                raise
            return False
        return True

    def _get(self, kind: type[R], keys: dict[str, str]) -> R | None:
        item = self._get_item(keys)
        return kind.from_item(item) if item else None

    def _get_shared(self, empty: S) -> S:
        """Return a record without a state from the table; the given empty one if it is not there."""
        item = self._get_item(empty.keys)
        return empty.with_item(item) if item else empty

    def _get_item(self, keys: Mapping[str, str]) -> Item | None:
        return self._table.get_item(Key=keys, ConsistentRead=True).get("Item")

    def _query(self, **query: Unpack[QueryInputTableQueryTypeDef]) -> Iterator[Item]:
        while True:
            page = self._table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _require(record: R | None, kind: str, name: str) -> R:
    if record is None:
        raise RecordNotFoundError(kind, name)
    return record
