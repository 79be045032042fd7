"""DynamoDB in memory: one table and its index; conditional writes, transactions, queries, stale reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError
from tests.support.aws.expressions import matches, to_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Key = tuple[str, str]
FAILED = "The conditional request failed"


class DynamoDb:
    """`written` is told of each change: (item before, item after), None where there is none."""

    def __init__(
        self, name: str, indexes: dict[str, tuple[str, str]], written: Callable[[dict | None, dict | None], None]
    ):
        self.name, self._indexes, self._on_write = name, indexes, written
        self.items: dict[Key, dict] = {}
        self._undo: list[list[tuple[Key, dict | None]]] = []  # what each write replaced
        self._tokens: dict[str, list] = {}
        self._alike: dict[tuple[str, str], set[Key]] = {}  # by a partition key's name and value, of table and index
        self.stale = 0  # so many writes are not seen by the next read that may be stale

    def snapshot(self) -> dict[Key, dict]:
        """All items. None is ever changed in place."""
        return dict(self.items)

    def restore(self, snapshot: dict[Key, dict]) -> None:
        self.items, self._undo, self._alike = dict(snapshot), [], {}
        for place, item in snapshot.items():
            self._sort(place, None, item)

    # -- the API --

    def get_item(self, request: dict, headers: dict) -> dict:
        items = self._seen(request)
        found = items.get(_key(request["Key"]))
        return {"Item": dict(found)} if found else {}

    def batch_get_item(self, request: dict, headers: dict) -> dict:
        told = request["RequestItems"][self.name]
        found = [self._seen(told).get(_key(key)) for key in told["Keys"]]
        names = [name.strip() for name in told.get("ProjectionExpression", "").split(",") if name]
        shown = [{name: one[name] for name in names or one if name in one} for one in found if one]
        return {"Responses": {self.name: shown}, "UnprocessedKeys": {}}

    def put_item(self, request: dict, headers: dict) -> dict:
        self._single({"Put": request})
        return {}

    def delete_item(self, request: dict, headers: dict) -> dict:
        self._single({"Delete": request})
        return {}

    def transact_write_items(self, request: dict, headers: dict) -> dict:
        writes, token = request["TransactItems"], request.get("ClientRequestToken")
        if token in self._tokens:
            if self._tokens[token] != writes:
                raise RefusedError("IdempotentParameterMismatchException", "another request had this token")
            return {}
        places = [self._place(write) for write in writes]
        if len(set(places)) != len(places):
            raise RefusedError(
                "ValidationException", "Transaction request cannot include multiple operations on one item"
            )
        if len(writes) > 100:
            raise RefusedError("ValidationException", "Member must have length less than or equal to 100")
        reasons = [self._reason(write, place) for write, place in zip(writes, places, strict=True)]
        if any(reason["Code"] != "None" for reason in reasons):
            raise cancellation(reasons)
        self._apply(writes)
        if token:  # botocore sends one with each transaction; a client without it sends none
            self._tokens[token] = writes
        return {}

    def query(self, request: dict, headers: dict) -> dict:
        first, second = self._indexes.get(request.get("IndexName"), ("pk", "sk"))
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        wanted = [request["KeyConditionExpression"], *filter(None, [request.get("FilterExpression")])]
        items = [item for item in self._partition(request, first) if first in item and second in item]
        found = [item for item in items if all(matches(one, item, names, values) for one in wanted)]
        order = lambda item: (to_python(item[second]), *_key(item))  # noqa: E731
        found.sort(key=order, reverse=not request.get("ScanIndexForward", True))
        if start := request.get("ExclusiveStartKey"):
            at = next((n for n, item in enumerate(found) if _key(item) == _key(start)), None)
            found = found[at + 1 :] if at is not None else [item for item in found if order(item) > order(start)]
        return self._page(found, request.get("Limit"), [first, second])

    def _partition(self, request: dict, name: str) -> Iterable[dict]:
        """What a read sees of one partition; of all, if it may be stale and is to be: the condition sorts them out."""
        seen = self._seen(request)
        if seen is not self.items:
            return seen.values()
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        told = next((short for short, long in names.items() if long == name), name)
        (placeholder,) = re.findall(rf"{re.escape(told)} = (:\w+)", request["KeyConditionExpression"])
        return [self.items[key] for key in self._alike.get((name, values[placeholder]["S"]), ())]

    @staticmethod
    def _page(found: list[dict], limit: int | None, names: list[str]) -> dict:
        shown = found[:limit]
        page = {"Items": [dict(item) for item in shown], "Count": len(shown), "ScannedCount": len(shown)}
        if limit and len(found) > limit:
            page["LastEvaluatedKey"] = {name: shown[-1][name] for name in ("pk", "sk", *names)}
        return page

    # -- writing --

    def _single(self, write: dict) -> None:
        if not self._fits(write, self._place(write)):
            raise RefusedError("ConditionalCheckFailedException", FAILED)
        self._apply([write])

    def _place(self, write: dict) -> Key:
        ((kind, told),) = write.items()
        assert told["TableName"] == self.name, "another table"
        return _key(told["Item"] if kind == "Put" else told["Key"])

    def _fits(self, write: dict, place: Key) -> bool:
        (told,) = write.values()
        condition = told.get("ConditionExpression")
        names, values = told.get("ExpressionAttributeNames", {}), told.get("ExpressionAttributeValues", {})
        return condition is None or matches(condition, self.items.get(place), names, values)

    def _reason(self, write: dict, place: Key) -> dict:
        if self._fits(write, place):
            return {"Code": "None"}
        return {"Code": "ConditionalCheckFailed", "Message": FAILED}

    def _apply(self, writes: list[dict]) -> None:
        self._undo.append([(self._place(write), self.items.get(self._place(write))) for write in writes])
        for write in writes:
            ((kind, told),) = write.items()
            place = self._place(write)
            before, after = self.items.get(place), told.get("Item")
            if kind == "Put":
                self.items[place] = after
            elif kind == "Delete":
                self.items.pop(place, None)
            else:
                assert kind == "ConditionCheck", f"no {kind} here"
                continue
            self._sort(place, before, after)
            self._on_write(before, after)

    def _sort(self, place: Key, before: dict | None, after: dict | None) -> None:
        for name in ("pk", *(first for first, _ in self._indexes.values())):
            if before and name in before:
                self._alike[name, before[name]["S"]].discard(place)
            if after and name in after:
                self._alike.setdefault((name, after[name]["S"]), set()).add(place)

    def _seen(self, request: dict) -> dict[Key, dict]:
        """What a read sees: all that was written, unless it may be stale and is to be."""
        if request.get("ConsistentRead") or not self.stale:
            return self.items
        seen = dict(self.items)
        for write in reversed(self._undo[-self.stale :]):
            for place, before in write:
                seen.pop(place, None)
                if before:
                    seen[place] = before
        return seen


def cancellation(reasons: list[dict]) -> RefusedError:
    """A transaction that did not take place, worded as the service does."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return RefusedError("TransactionCanceledException", text, CancellationReasons=reasons, Message=text)


def _key(item: dict) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
