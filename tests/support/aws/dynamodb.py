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
    """One table and its indexes. `on_write` is called with each change: item before and item after, or None."""

    def __init__(
        self, name: str, indexes: dict[str, tuple[str, str]], on_write: Callable[[dict | None, dict | None], None]
    ):
        self.name, self._indexes, self._on_write = name, indexes, on_write
        self.items: dict[Key, dict] = {}
        self._undo: list[list[tuple[Key, dict | None]]] = []  # the items that each write replaced
        self._tokens: dict[str, list] = {}
        # Keys of items, by the name and value of a partition key of the table or an index.
        self._partitions: dict[tuple[str, str], set[Key]] = {}
        self.stale = 0  # number of latest writes that only consistent reads see

    def snapshot(self) -> dict[Key, dict]:
        """Return all items. Items are never changed in place."""
        return dict(self.items)

    def restore(self, snapshot: dict[Key, dict]) -> None:
        self.items, self._undo, self._partitions = dict(snapshot), [], {}
        for place, item in snapshot.items():
            self._update_partitions(place, None, item)

    # -- the API --

    def get_item(self, request: dict, headers: dict) -> dict:
        items = self._visible_items(request)
        item = items.get(_key(request["Key"]))
        return {"Item": dict(item)} if item else {}

    def batch_get_item(self, request: dict, headers: dict) -> dict:
        table_request = request["RequestItems"][self.name]
        items = [self._visible_items(table_request).get(_key(key)) for key in table_request["Keys"]]
        names = [name.strip() for name in table_request.get("ProjectionExpression", "").split(",") if name]
        projected = [{name: item[name] for name in names or item if name in item} for item in items if item]
        return {"Responses": {self.name: projected}, "UnprocessedKeys": {}}

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
        if token:  # botocore sends a token with each transaction; direct clients send none
            self._tokens[token] = writes
        return {}

    def query(self, request: dict, headers: dict) -> dict:
        first, second = self._indexes.get(request.get("IndexName"), ("pk", "sk"))
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        conditions = [request["KeyConditionExpression"], *filter(None, [request.get("FilterExpression")])]
        items = [item for item in self._partition(request, first) if first in item and second in item]
        matching = [item for item in items if all(matches(condition, item, names, values) for condition in conditions)]
        order = lambda item: (to_python(item[second]), *_key(item))  # noqa: E731
        matching.sort(key=order, reverse=not request.get("ScanIndexForward", True))
        if start := request.get("ExclusiveStartKey"):
            index = next((n for n, item in enumerate(matching) if _key(item) == _key(start)), None)
            matching = (
                matching[index + 1 :]
                if index is not None
                else [item for item in matching if order(item) > order(start)]
            )
        return self._page(matching, request.get("Limit"), [first, second])

    def _partition(self, request: dict, name: str) -> Iterable[dict]:
        """Return the items of one partition. A stale read gets all items, and its condition filters them."""
        items = self._visible_items(request)
        if items is not self.items:
            return items.values()
        names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
        placeholder_name = next((short for short, long in names.items() if long == name), name)
        (placeholder,) = re.findall(rf"{re.escape(placeholder_name)} = (:\w+)", request["KeyConditionExpression"])
        return [self.items[key] for key in self._partitions.get((name, values[placeholder]["S"]), ())]

    @staticmethod
    def _page(items: list[dict], limit: int | None, names: list[str]) -> dict:
        selected = items[:limit]
        page = {"Items": [dict(item) for item in selected], "Count": len(selected), "ScannedCount": len(selected)}
        if limit and len(items) > limit:
            page["LastEvaluatedKey"] = {name: selected[-1][name] for name in ("pk", "sk", *names)}
        return page

    # -- writing --

    def _single(self, write: dict) -> None:
        if not self._fits(write, self._place(write)):
            raise RefusedError("ConditionalCheckFailedException", FAILED)
        self._apply([write])

    def _place(self, write: dict) -> Key:
        ((kind, parameters),) = write.items()
        assert parameters["TableName"] == self.name, "another table"
        return _key(parameters["Item"] if kind == "Put" else parameters["Key"])

    def _fits(self, write: dict, place: Key) -> bool:
        (parameters,) = write.values()
        condition = parameters.get("ConditionExpression")
        names, values = parameters.get("ExpressionAttributeNames", {}), parameters.get("ExpressionAttributeValues", {})
        return condition is None or matches(condition, self.items.get(place), names, values)

    def _reason(self, write: dict, place: Key) -> dict:
        if self._fits(write, place):
            return {"Code": "None"}
        return {"Code": "ConditionalCheckFailed", "Message": FAILED}

    def _apply(self, writes: list[dict]) -> None:
        self._undo.append([(self._place(write), self.items.get(self._place(write))) for write in writes])
        for write in writes:
            ((kind, parameters),) = write.items()
            place = self._place(write)
            before, after = self.items.get(place), parameters.get("Item")
            if kind == "Put":
                self.items[place] = after
            elif kind == "Delete":
                self.items.pop(place, None)
            else:
                assert kind == "ConditionCheck", f"no {kind} here"
                continue
            self._update_partitions(place, before, after)
            self._on_write(before, after)

    def _update_partitions(self, place: Key, before: dict | None, after: dict | None) -> None:
        for name in ("pk", *(first for first, _ in self._indexes.values())):
            if before and name in before:
                self._partitions[name, before[name]["S"]].discard(place)
            if after and name in after:
                self._partitions.setdefault((name, after[name]["S"]), set()).add(place)

    def _visible_items(self, request: dict) -> dict[Key, dict]:
        """Return the items that a read sees. A read that is not consistent misses the last `stale` writes."""
        if request.get("ConsistentRead") or not self.stale:
            return self.items
        items = dict(self.items)
        for write in reversed(self._undo[-self.stale :]):
            for place, before in write:
                items.pop(place, None)
                if before:
                    items[place] = before
        return items


def cancellation(reasons: list[dict]) -> RefusedError:
    """Return the error of a cancelled transaction, worded as the service does."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    text = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return RefusedError("TransactionCanceledException", text, CancellationReasons=reasons, Message=text)


def _key(item: dict) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
