"""Clients of an account without botocore: for tests that make many thousand calls, such as explorers of orders.

Requests are neither validated nor serialised; tests with real clients find what botocore would refuse. Errors are
ClientErrors, as those of real clients.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import ConditionExpressionBuilder
from botocore.exceptions import ClientError

from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.aws.account import Account

# For each listing: the parameters of the request for the next page, and the fields of a page that contain them.
PAGES = {
    "list_objects_v2": {"ContinuationToken": "NextContinuationToken"},
    "list_parts": {"PartNumberMarker": "NextPartNumberMarker"},
    "list_multipart_uploads": {},
    "list_endpoints": {"NextToken": "NextToken"},
    "list_endpoint_configs": {"NextToken": "NextToken"},
    "list_object_annotations": {"ContinuationToken": "NextContinuationToken"},
    "list_object_versions": {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"},
}


class Errors:
    """A subclass of ClientError for each code, created on first use, like `client.exceptions`."""

    def __init__(self) -> None:
        self._known: dict[str, type[ClientError]] = {}

    def __getattr__(self, code: str) -> type[ClientError]:
        return self.of(code)

    def of(self, code: str) -> type[ClientError]:
        return self._known.setdefault(code, type(code, (ClientError,), {}))


class Client:
    """The operations of one service of an account, by boto3's names; `service` is the account's own."""

    def __init__(self, account: Account, service: str):
        self.service, self.exceptions = account.service(service), Errors()

    def __getattr__(self, name: str) -> Callable[..., dict]:
        operation = getattr(self.service, name)

        def call(**request):
            try:
                return operation(request, {})
            except RefusedError as error:
                response = error.response | {"ResponseMetadata": {"HTTPStatusCode": error.status}}
                raise self.exceptions.of(error.response["Error"]["Code"])(response, name) from None

        return call

    def upload_file(self, path: str, bucket: str, key: str, ExtraArgs: dict | None = None) -> None:
        """Put a file in one part, as boto3's method of this name puts a small one."""
        self.put_object(Bucket=bucket, Key=key, Body=Path(path).read_bytes(), **(ExtraArgs or {}))

    def get_paginator(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **request: self._pages(name, request))

    def _pages(self, name: str, request: dict) -> Iterator[dict]:
        while True:
            page = getattr(self, name)(**request)
            yield page
            if not page.get("IsTruncated", "NextToken" in page):
                return
            request = request | {ours: page[theirs] for ours, theirs in PAGES[name].items()}


class Table:
    """The account's table with the interface of boto3's Table resource: items and conditions in Python types."""

    def __init__(self, account: Account):
        self.name, self._client = account.table.name, Client(account, "dynamodb")
        calls = SimpleNamespace(transact_write_items=self._transact, batch_get_item=self._batch)
        self.meta = SimpleNamespace(client=calls)

    def get_item(self, Key: dict, **more) -> dict:
        response = self._client.get_item(TableName=self.name, Key=_typed(Key), **more)
        return {"Item": _untyped(response["Item"])} if "Item" in response else {}

    def query(self, KeyConditionExpression, **more) -> dict:
        built = ConditionExpressionBuilder().build_expression(KeyConditionExpression, is_key_condition=True)
        if "ExclusiveStartKey" in more:
            more["ExclusiveStartKey"] = _typed(more["ExclusiveStartKey"])
        page = self._client.query(
            TableName=self.name,
            KeyConditionExpression=built.condition_expression,
            ExpressionAttributeNames=built.attribute_name_placeholders,
            ExpressionAttributeValues=_typed(built.attribute_value_placeholders),
            **more,
        )
        if "LastEvaluatedKey" in page:
            page["LastEvaluatedKey"] = _untyped(page["LastEvaluatedKey"])
        return page | {"Items": [_untyped(item) for item in page["Items"]]}

    def _batch(self, RequestItems: dict) -> dict:
        ((name, keys),) = RequestItems.items()
        page = self._client.batch_get_item(RequestItems={name: keys | {"Keys": [_typed(key) for key in keys["Keys"]]}})
        return page | {"Responses": {name: [_untyped(item) for item in page["Responses"][name]]}}

    def _transact(self, TransactItems: list[dict]) -> dict:
        return self._client.transact_write_items(TransactItems=[{"Put": _put(write["Put"])} for write in TransactItems])


def _put(put: dict) -> dict:
    typed = {name: _typed(put[name]) for name in ("Item", "ExpressionAttributeValues") if name in put}
    return put | typed


def _typed(item: dict) -> dict:
    return {name: _type(value) for name, value in item.items()}


def _type(value) -> dict:
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | Decimal):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": _typed(value)}
    return {"L": [_type(element) for element in value]}


def _untyped(item: dict) -> dict:
    return {name: _value(typed) for name, typed in item.items()}


def _value(typed: dict):
    ((kind, value),) = typed.items()
    if kind == "N":
        return Decimal(value)
    if kind == "M":
        return _untyped(value)
    if kind == "L":
        return [_value(element) for element in value]
    return None if kind == "NULL" else value
