"""Invariants of restores, which hold when nothing moves any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger import moves

from tests.faults import work
from tests.faults.evidence import Evidence
from tests.faults.operators import RestoreCommand
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.evidence import Drop


class RestoreCheck(Evidence):
    """Every request ends well, with its mail; what was to be processed was, once; what was to be kept is there."""

    def all(self) -> Iterator[str]:
        requests = self._requests()
        for drop in self.drops:
            for fault in self._of(drop, requests):
                yield f"{drop.kind} {drop.key}: {fault}"
        for request in requests.values():
            for fault in self._of_request(request):
                yield f"restore {request['id']}: {fault}"
        yield from self._commands(requests)
        yield from work.check_jobs(self)
        yield from work.check_messages(self)
        yield from work.check_landing(self)
        if self.landing.keys:
            yield f"the landing bucket still has {sorted(self.landing.keys)}"

    def _requests(self) -> dict[str, dict]:
        items = [item for item in self.world.table.items.values() if item.get("kind") == {"S": moves.RESTORE}]
        records = [{name: to_python(value) for name, value in item.items()} for item in items]
        return {record["id"]: record for record in records}

    def _of(self, drop: Drop, requests: dict[str, dict]) -> Iterator[str]:
        upload = self.upload(drop)
        if upload is None or upload["state"] != "ARCHIVED":
            yield f"it ends in {upload and upload['state']}"
            return
        copies = [
            version for versions in self.archive.keys.values() for version in versions if version.body == drop.body
        ]
        if [copy.storage for copy in copies] != ["DEEP_ARCHIVE"]:
            yield f"the archive has {len(copies)} copies"
        asked = [request for request in requests.values() if drop.key in self._keys(request)]
        yield from self._processed(drop, upload, [request for request in asked if request.get("run")])
        for request in asked:
            if request.get("to") and self._kept(request, drop) != drop.body:
                yield f"the copy that {request['id']} was to keep is missing"

    def _keys(self, request: dict) -> list[str]:
        plan = self.world.s3.read(self.results.name, f"restores/{request['id']}/files.jsonl").decode()
        return [drop.key for drop in self.drops if f'"{self.id_of(drop)}"' in plan]

    def _kept(self, request: dict, drop: Drop) -> bytes | None:
        return self.world.s3.read(self.results.name, f"restored/{request['to']}/{drop.name}")

    def _processed(self, drop: Drop, upload: dict, requests: list[dict]) -> Iterator[str]:
        landed = self.world.landed.get(upload["id"], [])
        if len(landed) != len(requests):
            yield f"it landed again {len(landed)} times for {len(requests)} requests"
        for version in landed:
            again = self.uploads.get(self.world.id_of(version))
            if version.body != drop.body:
                yield "it landed again with other bytes"
            elif again is None or again["state"] != "DUPLICATE":
                yield f"its restored copy ends in {again and again['state']}"
            elif again["duplicate_of"] != upload["id"]:
                yield "its restored copy is the duplicate of another upload"
            elif [attempt["state"] for attempt in self.attempts[again["id"]]] != ["PREDICTED"]:
                yield f"its restored copy has {len(self.attempts[again['id']])} attempts"

    def _of_request(self, request: dict) -> Iterator[str]:
        if request["state"] not in ("RESTORED", "EXPIRED"):
            yield f"it ends in {request['state']}: {request.get('reason')}"
        mails = [subject for subject, _ in self.world.mails if request["id"] in subject and "can be read" in subject]
        if not mails:
            yield "the lab was not notified"
        if len(mails) > 1 and not self.disturbed:
            yield f"{len(mails)} mails, and nothing went wrong"

    def _commands(self, requests: dict[str, dict]) -> Iterator[str]:
        for command in self.lab.commands:
            if isinstance(command, RestoreCommand) and command.outcomes and command.id not in requests:
                yield f"the request {command.id} has no record"
