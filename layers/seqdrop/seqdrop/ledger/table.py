"""Reading and writing the ledger. Every write is conditional on the record's present state and revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from seqdrop.ledger import moves
from seqdrop.ledger.records import (
    Attempt,
    DataSet,
    Job,
    Pair,
    Record,
    Run,
    Step,
    Upload,
    attempt_keys,
    data_set_keys,
    from_item,
    job_keys,
    moved,
    noted,
    pair_keys,
    pushed,
    run_keys,
    upload_keys,
)

REFUSED = {"ConditionalCheckFailedException", "TransactionCanceledException"}
# In a cancelled transaction these reasons mean that someone was first; any other is an error of its own.
FIRST = {"None", "ConditionalCheckFailed", "TransactionConflict"}


class Ledger:
    """`table` is a boto3 Table resource, `now` gives the time as ISO 8601 text."""

    def __init__(self, table, now: Callable[[], str]):
        self._table = table
        self._client = table.meta.client
        self._now = now

    # -- reading (always consistent: a decision must see the last write) --

    def upload(self, upload_id: str) -> Upload | None:
        return self._get(upload_keys(upload_id))

    def attempt(self, attempt_key: str) -> Attempt | None:
        return self._get(attempt_keys(attempt_key))

    def job(self, name: str) -> Job | None:
        return self._get(job_keys(name))

    def attempts(self, upload_id: str) -> list[Attempt]:
        """All attempts of an upload, by analysis and number."""
        partition = Key("pk").eq(f"UPLOAD#{upload_id}") & Key("sk").begins_with("ATTEMPT#")
        pages = self._pages(KeyConditionExpression=partition, ConsistentRead=True)
        return [from_item(item) for item in pages]

    def pair(self, name: str) -> Pair:
        """Who holds the seats of a pair; an empty one if nobody ever did."""
        item = self._table.get_item(Key=pair_keys(name), ConsistentRead=True).get("Item")
        return Pair.from_item(item) if item else Pair(name)

    def data_set(self, name: str) -> DataSet:
        """The files of a training; an empty set if none ever came."""
        item = self._table.get_item(Key=data_set_keys(name), ConsistentRead=True).get("Item")
        return DataSet.from_item(item) if item else DataSet(name)

    def run(self, folder: str) -> Run:
        """What is known of a folder (its bucket before it) as a run's; a closed one if nothing is."""
        item = self._table.get_item(Key=run_keys(folder), ConsistentRead=True).get("Item")
        return Run.from_item(item) if item else Run(folder)

    def deciding(self, upload: Upload) -> list[Attempt]:
        """The attempts that decide when an upload has all it came for: the one that trains on it or has its masks, or
        its own, the last of each analysis."""
        if of_others := upload.training or upload.masks_of:
            return [self.attempt(of_others)]
        return list({attempt.analysis: attempt for attempt in self.attempts(upload.id)}.values())

    def in_state(self, kind: str, state: str, moved_before: str | None = None) -> Iterator[Record]:
        """Records of a kind in a state, the longest standing first. Eventually consistent."""
        condition = Key("kind_state").eq(f"{kind}#{state}")
        if moved_before:
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

    def move_together(
        self, steps: Iterable[Step], new: Iterable[Record] = (), pair: Pair | DataSet | None = None
    ) -> bool:
        """Take several steps and write new records, all or nothing; with `pair`, only if that is as it was read."""
        writes = [self._step(step.record, step.to, **step.facts) for step in steps]
        return self._transact([*writes, *map(self._put, new), *([self._put_pair(pair)] if pair else [])])

    def keep_run(self, run: Run) -> bool:
        """Write a run, if it is as it was read."""
        return self._transact([self._put_pair(run)])

    def note(self, record: Record, **facts) -> bool:
        """Add facts to a record that stays where it is."""
        return self._transact([self._replace(record, noted(record, **facts))])

    def claim(self, job: Job, members: list[Attempt]) -> bool:
        """Write a job and move its members to SUBMITTED, all or nothing (100 writes at the most)."""
        claims = [self._step(member, "SUBMITTED", job=job.name) for member in members]
        return self._transact([self._put(job), *claims])

    def push(self, record: Record) -> bool:
        """Note that a record that stands still was sent on; False if it has moved after all."""
        return self._transact([self._replace(record, pushed(record, self._now()))])

    def _put(self, record: Record) -> dict:
        moves.check(record.kind, None, record.state)
        now = self._now()
        item = {**record.item(), "created_at": now, "moved_at": now}
        return {"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _step(self, record: Record, to: str, **facts) -> dict:
        if to == record.state:
            return self._replace(record, noted(record, **facts))
        moves.check(record.kind, record.state, to)
        return self._replace(record, moved(record, to, self._now(), **facts))

    def _replace(self, record: Record, after: Record) -> dict:
        return {
            "Put": {
                "Item": after.item(),
                "ConditionExpression": "#state = :state AND #revision = :revision",
                "ExpressionAttributeNames": {"#state": "state", "#revision": "revision"},
                "ExpressionAttributeValues": {":state": record.state, ":revision": record.revision},
            }
        }

    def _put_pair(self, pair: Pair | DataSet | Run) -> dict:
        item = replace(pair, revision=pair.revision + 1).item()
        if not pair.revision:
            return {"Put": {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
        return {
            "Put": {
                "Item": item,
                "ConditionExpression": "#revision = :revision",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": {":revision": pair.revision},
            }
        }

    def _transact(self, writes: list[dict]) -> bool:
        for write in writes:
            write["Put"]["TableName"] = self._table.name
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if not _was_first(error):
                raise
            return False
        return True

    def _get(self, keys: dict):
        item = self._table.get_item(Key=keys, ConsistentRead=True).get("Item")
        return from_item(item) if item else None

    def _pages(self, **query) -> Iterator[dict]:
        while True:
            page = self._table.query(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _was_first(error: ClientError) -> bool:
    """True if the write was refused only because a record had moved on (or is moving right now)."""
    if error.response["Error"]["Code"] not in REFUSED:
        return False
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
    return reasons <= FIRST
