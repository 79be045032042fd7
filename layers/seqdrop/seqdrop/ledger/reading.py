"""Reads of the ledger. They are consistent, except `in_state`: a decision must see the last write."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from boto3.dynamodb.conditions import Key

from seqdrop.errors import RecordNotFoundError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.coordination import FileSet, JobSlots, Position, Speed
from seqdrop.ledger.endpoint_record import EndpointRecord
from seqdrop.ledger.kept_versions import KEPT, KeptVersion
from seqdrop.ledger.kinds import from_item
from seqdrop.ledger.records import Attempt, Job, Record, Upload, attempt_keys, job_keys, upload_keys
from seqdrop.ledger.restore_records import ArchiveObject, RestoreRequest, archive_object_keys, restore_keys
from seqdrop.ledger.run_bundles import RunBundles
from seqdrop.ledger.run_record import Run, run_keys
from seqdrop.ledger.start_pace import StartPace
from seqdrop.ledger.transfer_record import TransferRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Unpack

    from boto3.dynamodb.conditions import ConditionBase
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_dynamodb.type_defs import QueryInputTableQueryTypeDef

    from seqdrop.ledger.records import Item

R = TypeVar("R", bound=Record)
S = TypeVar(
    "S",
    FileSet,
    JobSlots,
    Position,
    Speed,
    ArchivedFile,
    RunBundles,
    KeptVersion,
    EndpointRecord,
    TransferRecord,
    StartPace,
)


BATCH = 100  # items of one BatchGetItem
SHOWN = ("state", "upload_id", "analysis", "number", "job", "reason")  # of attempts in a list
PAGE = 1000  # items of one Query that has a limit


class Reader:
    """Reads records from `table`, a boto3 Table resource."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._client = table.meta.client

    @property
    def table(self) -> Table:
        """The table."""
        return self._table

    def find_upload(self, upload_id: str) -> Upload | None:
        """Return the upload with this id; None if there is no record of it."""
        return self._get(Upload, upload_keys(upload_id))

    def require_upload(self, upload_id: str) -> Upload:
        """Return the upload with this id. Raise RecordNotFoundError if there is no record of it."""
        return _require(self.find_upload(upload_id), "upload", upload_id)

    def find_uploads(self, upload_ids: Sequence[str]) -> dict[str, Upload]:
        """Return the records of uploads by their ids, in one request for each hundred. Eventually consistent.

        An id without a record is absent, and so is one that DynamoDB left unread because it throttled the request.
        """
        uploads: dict[str, Upload] = {}
        for start in range(0, len(upload_ids), BATCH):
            wanted = [upload_keys(upload_id) for upload_id in upload_ids[start : start + BATCH]]
            response = self._client.batch_get_item(RequestItems={self._table.name: {"Keys": wanted}})
            for item in response["Responses"].get(self._table.name, []):
                upload = Upload.from_item(item)
                uploads[upload.id] = upload
        return uploads

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

    def find_run(self, run_id: str) -> Run | None:
        """Return the run with this id; None if there is no record of it."""
        return self._get(Run, run_keys(run_id))

    def find_restore(self, request_id: str) -> RestoreRequest | None:
        """Return the request for a restore with this id; None if there is no record of it."""
        return self._get(RestoreRequest, restore_keys(request_id))

    def find_archive_object(self, object_id: str) -> ArchiveObject | None:
        """Return the archive object with this id; None if it was never restored."""
        return self._get(ArchiveObject, archive_object_keys(object_id))

    def reread(self, record: R) -> R | None:
        """Return a record as it is now; None if it was removed."""
        return self._get(type(record), record.keys)

    def attempts(self, upload_id: str) -> list[Attempt]:
        """Return all attempts of an upload, ordered by analysis and number."""
        partition = Key("pk").eq(f"UPLOAD#{upload_id}") & Key("sk").begins_with("ATTEMPT#")
        pages = self._query(KeyConditionExpression=partition, ConsistentRead=True)
        return [Attempt.from_item(item) for item in pages]

    def file_set(self, policy: str, name: str) -> FileSet:
        """Return a set of files; an empty set with revision 0 if there is no record of it."""
        return self._get_shared(FileSet(policy, name))

    def job_slots(self) -> JobSlots:
        """Return the slots of open transform jobs."""
        return self._get_shared(JobSlots())

    def start_pace(self) -> StartPace:
        """Return the record of the time at which the next run of a workflow may be started."""
        return self._get_shared(StartPace())

    def position(self, name: str) -> Position:
        """Return the reconciler's position in a listing."""
        return self._get_shared(Position(name))

    def speed(self, analysis: str, digest: str, instance_type: str) -> Speed:
        """Return the rate of an analysis with a model archive on an instance type; 0 if it was never measured."""
        return self._get_shared(Speed(analysis, digest, instance_type))

    def endpoint(self, name: str) -> EndpointRecord:
        """Return the record of an endpoint; an empty one with revision 0 if there is none."""
        return self._get_shared(EndpointRecord(name))

    def transfer(self) -> TransferRecord:
        """Return the record of the stack's transfer; an empty one with revision 0 if there is none."""
        return self._get_shared(TransferRecord())

    def archived_file(self, file: ArchivedFile) -> ArchivedFile:
        """Return the record of a file in the archive, with the upload that has the copy; `file` itself without one."""
        return self._get_shared(file)

    def archived_files(self, files: Sequence[ArchivedFile]) -> list[ArchivedFile]:
        """Return the records of at most 100 different files in the archive, each itself if there is none.

        Raise RecordNotFoundError, which is retryable, if DynamoDB throttles the call.
        """
        wanted = [file.keys for file in files]
        response = self._client.batch_get_item(
            RequestItems={self._table.name: {"Keys": wanted, "ConsistentRead": True}}
        )
        if response.get("UnprocessedKeys", {}).get(self._table.name):
            raise RecordNotFoundError("record yet of", f"all of {len(wanted)} files: the table throttles")
        items: dict[str, Item] = {str(item["name"]): item for item in response["Responses"].get(self._table.name, [])}
        return [file.with_item(items[file.name]) if file.name in items else file for file in files]

    def run_bundles(self, run_id: str) -> RunBundles:
        """Return the bundles of a run that are being made; an empty record with revision 0 if there is none."""
        return self._get_shared(RunBundles(run_id))

    def kept_version(self, kept: KeptVersion) -> KeptVersion:
        """Return the record of a landing version that is kept; `kept` itself if there is none."""
        return self._get_shared(kept)

    def kept_uploads(self, due_before: str) -> Iterator[str]:
        """Yield the ids of uploads whose landing version is due before a time, the earliest first.

        Eventually consistent.
        """
        condition = Key("kind_state").eq(KEPT) & Key("moved_at").lt(due_before)
        for item in self._query(IndexName="by_state", KeyConditionExpression=condition):
            yield str(item["upload"])

    def deciding_attempts(self, upload: Upload) -> list[Attempt]:
        """Return the attempts whose outcome decides when an upload may be archived.

        For a file of a training set, or a BED, this is the last attempt that uses it; otherwise the last attempt of
        each of the upload's own analyses.
        """
        if of_others := upload.training or upload.masks_of:
            return [self._last_attempt(self.require_attempt(of_others))]
        return list({attempt.analysis: attempt for attempt in self.attempts(upload.id)}.values())

    def _last_attempt(self, attempt: Attempt) -> Attempt:
        """Return the last attempt at the same work: this attempt may have failed, and others may have followed."""
        return [other for other in self.attempts(attempt.upload_id) if other.analysis == attempt.analysis][-1]

    def load_uploads(self, upload_ids: Iterable[str]) -> dict[str, Upload]:
        """Return the uploads with these ids, by id; ids without a record are left out. At most 100 ids may be passed.

        Raise RecordNotFoundError, which is retryable, if DynamoDB throttles the call.
        """
        request_keys = [upload_keys(upload_id) for upload_id in set(upload_ids)]
        if not request_keys:
            return {}
        response = self._client.batch_get_item(
            RequestItems={self._table.name: {"Keys": request_keys, "ConsistentRead": True}}
        )
        if response.get("UnprocessedKeys", {}).get(self._table.name):
            raise RecordNotFoundError("record yet of", f"all of {len(request_keys)} uploads: the table throttles")
        uploads = map(Upload.from_item, response["Responses"].get(self._table.name, []))
        return {upload.id: upload for upload in uploads}

    def select_unrecorded(self, upload_ids: Iterable[str]) -> set[str]:
        """Return the upload ids without a record. At most 100 ids may be passed.

        If DynamoDB throttles the call, the ids that it leaves unread count as recorded.
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
        self, kind: Literal["run"], state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Run]: ...

    @overload
    def in_state(
        self, kind: Literal["restore"], state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[RestoreRequest]: ...

    @overload
    def in_state(
        self,
        kind: Literal["archive_object"],
        state: str,
        moved_before: str | None = None,
        moved_after: str | None = None,
    ) -> Iterator[ArchiveObject]: ...

    @overload
    def in_state(
        self, kind: str, state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Record]: ...

    def in_state(
        self, kind: str, state: str, moved_before: str | None = None, moved_after: str | None = None
    ) -> Iterator[Record]:
        """Yield the records of a kind in a state, in the order of their last move or nudge. Eventually consistent.

        `moved_before` limits the time of that move or nudge: alone it is exclusive; with `moved_after` both are
        inclusive. `moved_after` alone has no effect.
        """
        condition: ConditionBase = Key("kind_state").eq(f"{kind}#{state}")
        if moved_before and moved_after:
            condition &= Key("moved_at").between(moved_after, moved_before)
        elif moved_before:
            condition &= Key("moved_at").lt(moved_before)
        for item in self._query(IndexName="by_state", KeyConditionExpression=condition):
            yield from_item(item)

    def newest_uploads(self, state: str, most: int) -> Iterator[Upload]:
        """Yield the uploads that entered a state last, the latest first, but not more than `most`.

        Eventually consistent. A nudge counts as in `in_state`.
        """
        condition = Key("kind_state").eq(f"upload#{state}")
        items = self._query(
            IndexName="by_state", KeyConditionExpression=condition, ScanIndexForward=False, Limit=min(most, PAGE)
        )
        yield from map(Upload.from_item, islice(items, most))

    def attempts_since(self, state: str, since: str) -> Iterator[Attempt]:
        """Yield the attempts that entered a state at this time or later, with the fields in SHOWN only.

        Eventually consistent.
        """
        condition = Key("kind_state").eq(f"attempt#{state}") & Key("moved_at").gte(since)
        names = {f"#f{number}": name for number, name in enumerate(SHOWN)}  # some are reserved words
        for item in self._query(
            IndexName="by_state",
            KeyConditionExpression=condition,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
        ):
            yield Attempt.from_item(item)

    def _get(self, kind: type[R], keys: dict[str, str]) -> R | None:
        item = self._get_item(keys)
        return kind.from_item(item) if item else None

    def _get_shared(self, empty: S) -> S:
        """Return the record with the keys of `empty` from the table; `empty` itself if there is none."""
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
