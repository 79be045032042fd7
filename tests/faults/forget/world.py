"""An account that records a violation if a copy is deleted before its time, or without a request of a person."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from seqdrop.aws import keys

from tests.faults.bundle.world import BundleWorld
from tests.faults.forget.family import DAYS, LOCKED, PLACES
from tests.support.aws.errors import RefusedError
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from tests.support.aws.account import Call

LOCKS = PLACES[LOCKED].partition("{")[0].rpartition("/")[2]  # S3 refuses to delete copies of files with such names
DAY = 24 * 3600


class ForgetWorld(BundleWorld):
    """The account of the family `forget`.

    `moves` are the states of each upload, in their order: upload id → [(state, seconds)]. They say what a person asked
    for and when, whatever the fields of the record say.
    """

    def __init__(self):
        super().__init__()
        self.moves: dict[str, list[tuple[str, float]]] = defaultdict(list)

    def call(self, call: Call) -> dict:
        is_deletion = call.name == "s3.DeleteObject" and call.request["Bucket"] == self.name("archive")
        if is_deletion and call.request["Key"].rpartition("/")[2].startswith(LOCKS):
            raise RefusedError("AccessDenied", "Access Denied because object protected by object lock.", 403)
        return super().call(call)

    def _on_write(self, before: dict | None, after: dict | None) -> None:
        super()._on_write(before, after)
        if after and after.get("kind") == {"S": "upload"} and (before or {}).get("state") != after["state"]:
            self.moves[after["id"]["S"]].append((after["state"]["S"], self.clock.seconds))

    def _check_delete(self, request: dict) -> None:
        if request["Bucket"] == self.name("archive"):
            self._check_copy(request)
        elif request["Bucket"] == self.name("results"):
            self._check_result(request)
        else:
            super()._check_delete(request)

    def _check_copy(self, request: dict) -> None:
        if "VersionId" not in request:
            self.wrong.append(f"a function put a delete marker over the copy {request['Key']}")
            return
        owners = [record for record in self._uploads() if record.get("archive_key") == request["Key"]]
        for record in owners:
            if not self._may_be_deleted(record["id"]):
                self.wrong.append(f"the copy of {record['key']} was deleted, and it is {self.moves[record['id']]}")
            receipt = self.s3.read(self.name("results"), keys.receipt(record["id"]))
            if receipt is None or json.loads(receipt)["archive"]["version_id"] != request["VersionId"]:
                self.wrong.append(f"another version of {request['Key']} was deleted than its receipt names")
        if not owners:
            self._check_unneeded(request)

    def _may_be_deleted(self, upload: str) -> bool:
        """Return True if a person asked for the deletion DAYS ago and did not take that back, or it has been done."""
        state, since = self.moves[upload][-1]
        return state == "FORGOTTEN" or (state == "FORGETTING" and since <= self.clock.seconds - DAYS * DAY)

    def _check_unneeded(self, request: dict) -> None:
        receipts = self.s3.buckets[self.name("results")].keys
        named = [key for key in receipts if key.startswith(keys.RECEIPTS) and not key.startswith(keys.MANIFESTS)]
        if any(json.loads(receipts[key][-1].body)["archive"]["key"] == request["Key"] for key in named):
            self.wrong.append(f"{request['Key']} was deleted, a receipt names it, and no record does")

    def _check_result(self, request: dict) -> None:
        owners = [record for record in self._uploads() if record["id"] in request["Key"]]
        if not owners or "VersionId" not in request:
            self.wrong.append(f"a function deleted {request['Key']} of the results bucket")
        for record in owners:
            if record.get("forget_results") != "yes" or not self._may_be_deleted(record["id"]):
                self.wrong.append(f"{request['Key']} was deleted, and no request says so")

    def _uploads(self) -> list[dict]:
        items = [item for item in self.table.items.values() if item.get("kind") == {"S": "upload"}]
        return [{name: to_python(value) for name, value in item.items()} for item in items]
