"""Reading and writing the ledger. Every write is conditional on the record's present state and revision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_conflict
from seqdrop.errors import RecordNotFoundError
from seqdrop.ledger import moves
from seqdrop.ledger.coordination import FileSet, JobSlots, Position, Shared
from seqdrop.ledger.records import (
    Attempt,
    Job,
    Record,
    Step,
    Upload,
    attempt_keys,
    from_item,
    job_keys,
    moved,
    noted,
    pushed,
    upload_keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Shared)


class Ledger:
    """`table` is a boto3 Table resource, `now` gives the time as ISO 8601 text, `trace` the id of the present trace.

    Records that nothing will come of any more are removed by time-to-live after `keep_days`, if that is not 0.
    """

    def __init__(self, table, now: Callable[[], str], trace: Callable[[], str] = lambda: "", keep_days: int = 0):
        self._table = table
        self._client = table.meta.client
        self._now = now
        self._trace = trace
        self._keep_days = keep_days

    # -- reading (always consistent: a decision must see the last write) --

    def find_upload(self, upload_id: str) -> Upload | None:
        """Return the upload with this id; None if there is no record of it."""
        return self._get(Upload, upload_keys(upload_id))

    def require_upload(self, upload_id: str) -> Upload:
        """Return the upload with this id. Raise RecordNotFoundError."""
        return _required(self.find_upload(upload_id), "upload", upload_id)

    def find_attempt(self, attempt_key: str) -> Attempt | None:
        """Return the attempt that `Attempt.key` names; None if there is no record of it."""
        return self._get(Attempt, attempt_keys(attempt_key))

    def require_attempt(self, attempt_key: str) -> Attempt:
        """Return the attempt that `Attempt.key` names. Raise RecordNotFoundError."""
        return _required(self.find_attempt(attempt_key), "attempt", attempt_key)

    def find_job(self, name: str) -> Job | None:
        """Return the job of this name; None if there is no record of it."""
        return self._get(Job, job_keys(name))

    def require_job(self, name: str) -> Job:
        """Return the job of this name. Raise RecordNotFoundError."""
        return _required(self.find_job(name), "job", name)

    def attempts(self, upload_id: str) -> list[Attempt]:
        """All attempts of an upload, by analysis and number."""
        partition = Key("pk").eq(f"UPLOAD#{upload_id}") & Key("sk").begins_with("ATTEMPT#")
        pages = self._pages(KeyConditionExpression=partition, ConsistentRead=True)
        return [from_item(item) for item in pages]

    def file_set(self, policy: str, name: str) -> FileSet:
        """Return a set of files; an empty one if none of them ever came."""
        return self._shared(FileSet(policy, name))

    def job_slots(self) -> JobSlots:
        """The transform jobs that are open."""
        return self._shared(JobSlots())

    def position(self, name: str) -> Position:
        """How far the reconciler has come in a list."""
        return self._shared(Position(name))

    def deciding_attempts(self, upload: Upload) -> list[Attempt]:
        """The attempts that decide when an upload has all it came for: the one that trains on it or has its masks, or
        its own, the last of each analysis."""
        if of_others := upload.training or upload.masks_of:
            return [self._last(self.require_attempt(of_others))]
        return list({attempt.analysis: attempt for attempt in self.attempts(upload.id)}.values())

    def _last(self, attempt: Attempt) -> Attempt:
        """The last attempt at what this one was for: it may have failed, and been followed by another."""
        return [one for one in self.attempts(attempt.upload_id) if one.analysis == attempt.analysis][-1]

    def unknown(self, upload_ids: Iterable[str]) -> set[str]:
        """Which of these uploads (100 at the most) have no record."""
        wanted = set(upload_ids)
        keys = [upload_keys(one) for one in wanted]
        asked = {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "id, pk"}
        answer = self._client.batch_get_item(RequestItems={self._table.name: asked})
        unread = answer.get("UnprocessedKeys", {}).get(self._table.name, {}).get("Keys", [])
        known = {item["pk"] for item in answer["Responses"].get(self._table.name, [])} | {key["pk"] for key in unread}
        return {one for one in wanted if upload_keys(one)["pk"] not in known}

    def in_state(
        self, kind: str, state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Record]:
        """Records of a kind in a state, the longest standing first. Eventually consistent."""
        condition = Key("kind_state").eq(f"{kind}#{state}")
        if moved_before and moved_after:
            condition &= Key("moved_at").between(moved_after, moved_before)
        elif moved_before:
            condition &= Key("moved_at").lt(moved_before)
        for item in self._pages(IndexName="by_state", KeyConditionExpression=condition):
            yield from_item(item)

    # -- writing: False means someone was there first, which is no error --

    def create(self, record: Record) -> bool:
        """Write a record that must not be there yet."""
        return self._transact([self._put(record)])

    def move(self, record: Record, to: str, *new: Record, **facts) -> bool:
        """Move a record, and write the new records that come of it, in one transaction."""
        return self._transact([self._step(record, to, **facts), *map(self._put, new)])

    def move_together(self, steps: Iterable[Step], new: Iterable[Record] = (), shared: Shared | None = None) -> bool:
        """Take several steps and write new records, all or nothing; with `shared`, only if that is as it was read."""
        writes = [self._step(step.record, step.to, **step.facts) for step in steps]
        return self._transact([*writes, *map(self._put, new), *([self._put_shared(shared)] if shared else [])])

    def note(self, record: Record, **facts) -> bool:
        """Add facts to a record that stays where it is."""
        return self._transact([self._replace(record, noted(record, **facts))])

    def claim(self, job: Job, members: list[Attempt], room: JobSlots | None = None) -> bool:
        """Write a job and move its members to SUBMITTED, all or nothing (100 writes at the most).

        With `room`, the job takes its place there, if the room is as it was read.
        """
        claims = [self._step(member, "SUBMITTED", job=job.name) for member in members]
        return self._transact([self._put(job), *claims, *([self._put_shared(room.taken(job.name))] if room else [])])

    def save(self, shared: Shared) -> bool:
        """Write a record without a state, if it is as it was read."""
        return self._transact([self._put_shared(shared)])

    def push(self, record: Record) -> bool:
        """Note that a record that stands still was sent on; False if it has moved after all."""
        return self._transact([self._replace(record, pushed(record, self._now()))])

    def _put(self, record: Record) -> dict:
        moves.check(record.kind, None, record.state)
        now = self._now()
        item = {**record.item(), "created_at": now, "moved_at": now, "timeline": {record.state: now}}
        if trace := self._trace():
            item["trace_id"] = trace
        return {"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _step(self, record: Record, to: str, **facts) -> dict:
        if to == record.state:
            return self._replace(record, noted(record, **facts))
        moves.check(record.kind, record.state, to)
        now = self._now()
        if self._keep_days and to in moves.FORGETTABLE.get(record.kind, ()):
            facts = facts | {"expires_at": self.expiry(now)}
        return self._replace(record, moved(record, to, now, **facts))

    def expiry(self, now: str) -> int:
        """When a record that comes to its end now is removed; 0 for never."""
        kept = datetime.fromisoformat(now) + timedelta(days=self._keep_days)
        return int(kept.timestamp()) if self._keep_days else 0

    def _replace(self, record: Record, after: Record) -> dict:
        return {
            "Put": {
                "Item": after.item(),
                "ConditionExpression": "#state = :state AND #revision = :revision",
                "ExpressionAttributeNames": {"#state": "state", "#revision": "revision"},
                "ExpressionAttributeValues": {":state": record.state, ":revision": record.revision},
            }
        }

    def _put_shared(self, shared: Shared) -> dict:
        item = replace(shared, revision=shared.revision + 1).item()
        if not shared.revision:
            return {"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
        return {
            "Put": {
                "Item": item,
                "ConditionExpression": "#revision = :revision",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": {":revision": shared.revision},
            }
        }

    def _transact(self, writes: list[dict]) -> bool:
        for write in writes:
            write["Put"]["TableName"] = self._table.name
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if not is_conflict(error):
                raise
            return False
        return True

    def _get(self, kind: type[R], keys: dict[str, str]) -> R | None:
        item = self._item(keys)
        return kind.from_item(item) if item else None

    def _shared(self, empty: S) -> S:
        """Return a record without a state as the table holds it, or the empty one."""
        item = self._item(empty.keys)
        return empty.stored(item) if item else empty

    def _item(self, keys: dict) -> dict | None:
        return self._table.get_item(Key=keys, ConsistentRead=True).get("Item")

    def _pages(self, **query) -> Iterator[dict]:
        while True:
            page = self._table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _required(record: R | None, kind: str, name: str) -> R:
    if record is None:
        raise RecordNotFoundError(kind, name)
    return record
