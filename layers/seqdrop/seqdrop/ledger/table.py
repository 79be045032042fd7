"""The ledger: the reads of reading.py, and conditional writes.

Every write depends on the record's state and revision. Methods that write return False if another writer was first,
which is no error.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_conflict
from seqdrop.ledger import moves
from seqdrop.ledger.reading import Reader
from seqdrop.ledger.records import Attempt, Fact, Job, Record, Step, apply_facts, apply_move, apply_nudge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from seqdrop.ledger.coordination import JobSlots, Shared
    from seqdrop.ledger.records import Item


class Ledger(Reader):
    """The records of a deployment.

    `table` is a boto3 Table resource. `now` returns the time as ISO 8601 text, and `trace` the id of the X-Ray trace of
    the current call. Time-to-live removes records in a state of `moves.FORGETTABLE` after `keep_days`; 0 keeps them.
    """

    def __init__(
        self, table: Table, now: Callable[[], str], trace: Callable[[], str] = lambda: "", keep_days: int = 0
    ) -> None:
        super().__init__(table)
        self._now = now
        self._trace = trace
        self._keep_days = keep_days

    def create(self, record: Record) -> bool:
        """Write a new record; return False if it exists already."""
        return self._transact([self._put(record)])

    def move(self, record: Record, to: str, *new: Record, **facts: Fact) -> bool:
        """Move a record, set the fields in `facts`, and write new records, in one transaction."""
        return self._transact([self._step(Step(record, to, facts)), *map(self._put, new)])

    def move_together(
        self,
        steps: Iterable[Step[Record]],
        new: Iterable[Record] = (),
        shared: Shared | None = None,
        also: Shared | None = None,
    ) -> bool:
        """Take several steps and write new records, all or nothing.

        With `shared` or `also`, nothing is written unless that record still has the revision that was read.
        """
        writes = [*map(self._step, steps), *map(self._put, new)]
        return self._transact([*writes, *(self._put_shared(record) for record in (shared, also) if record)])

    def move_all(self, steps: Iterable[Step[Record]], shared: Iterable[Shared] = ()) -> bool:
        """Take steps and write records without a state, all or nothing. At most 100 in all.

        Nothing is written unless each of the records still has the revision that was read.
        """
        return self._transact([*map(self._step, steps), *map(self._put_shared, shared)])

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
            least = facts.get("expires_at")  # of an upload whose landing version is kept
            facts["expires_at"] = max(self.compute_expiry(now), least if isinstance(least, int) else 0)
        return self._replace(record, apply_move(record, to, now, facts))

    def compute_expiry(self, now: str) -> int:
        """Return when a record that enters its final state now is removed, in seconds since 1970; 0 for never."""
        expiry = datetime.fromisoformat(now) + timedelta(days=self._keep_days)
        return int(expiry.timestamp()) if self._keep_days else 0

    def _replace(self, record: Record, after: Record) -> TransactWriteItemTypeDef:
        return self._put_if(after.item(), state=record.state, revision=record.revision)

    def _put_shared(self, shared: Shared) -> TransactWriteItemTypeDef:
        item = replace(shared, revision=shared.revision + 1).item()
        return self._put_if(item, revision=shared.revision) if shared.revision else self._put_new(item)

    def _put_if(self, item: Item, **expected: str | int) -> TransactWriteItemTypeDef:
        """Return a write on the condition that the stored item has these attribute values."""
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": item,
                "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in expected),
                "ExpressionAttributeNames": {f"#{name}": name for name in expected},
                "ExpressionAttributeValues": {f":{name}": value for name, value in expected.items()},
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
