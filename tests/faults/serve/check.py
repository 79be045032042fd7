"""Invariants of endpoints, which hold when nothing moves any more."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.ledger.endpoint_record import IDLE, PERSON

from tests.faults import schedule as s
from tests.faults import work
from tests.faults.evidence import Evidence
from tests.faults.files import MODEL
from tests.faults.serve.world import FAILS, NAME, UNDONE
from tests.support.aws.expressions import to_python

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (NAME, "seqdrop-idle", "seqdrop-small-async")
DEADLY = (s.CRASH_BEFORE, s.CRASH_AFTER, s.TIMEOUT_BEFORE, s.TIMEOUT_AFTER)
AT = ("TransactWriteItems", "Publish")  # a mail may be lost between the two
SUBJECTS = {"rolled back the": UNDONE, "could not create the": FAILS, "deleted the idle": IDLE}


class ServeCheck(Evidence):
    """Each endpoint has the current model, or a recorded reason why not; nothing is left without its endpoint."""

    def all(self) -> Iterator[str]:
        for name in NAMES:
            yield from (f"{name}: {fault}" for fault in self._of_endpoint(name))
        yield from self._strangers()
        yield from self._mails()
        yield from work.check_messages(self)

    def _record(self, name: str) -> dict:
        item = self.world.table.items.get((f"ENDPOINT#{name}", "ENDPOINT"), {})
        return {field: to_python(value) for field, value in item.items()}

    def _of_endpoint(self, name: str) -> Iterator[str]:
        endpoint, record = self.world.sagemaker.endpoints.get(name), self._record(name)
        if self.world.wants_off:
            if self.world.stack != "off":
                yield f"Endpoints=false did not end: the stack is {self.world.stack}"
            yield from self._absent(name, "Endpoints=false")
        elif stopped := record.get("stopped"):
            yield from self._stopped(name, stopped)
        elif endpoint is None:
            if self.world.archives.get(record.get("refused")) != self._archive:
                yield f"it does not exist, and its record is {record}"
            yield from self._absent(name, "its creation failed")
        else:
            yield from self._present(endpoint, record)

    @property
    def _archive(self) -> str:
        models = self.models.name
        pointer = json.loads(self.world.s3.read(models, f"models/{MODEL}/current.json"))
        return f"s3://{models}/{pointer['current']['key']}"

    def _present(self, endpoint, record: dict) -> Iterator[str]:
        archives = self.world.archives
        is_current = archives[endpoint.configuration] == self._archive
        if not is_current and archives.get(record["refused"]) != self._archive:
            yield f"it serves {archives[endpoint.configuration]}, and its record is {record}"
        if endpoint.status not in ("InService", "UpdateRollbackFailed"):
            yield f"it ends in {endpoint.status}"
        own = [name for name in self.world.sagemaker.configurations if name.startswith(f"{endpoint.name}-")]
        own = [name for name in own if len(name) == len(endpoint.name) + 13]
        if own != [endpoint.configuration] and endpoint.status == "InService":
            yield f"it has {endpoint.configuration}, and the configurations are {own}"
        if endpoint.name not in "".join(self.world.cloudwatch.alarms):
            yield "it has no alarms"
        if endpoint.status == "InService" and bool(self._targets(endpoint.name)) != (endpoint.name != "seqdrop-idle"):
            yield f"its scaling targets are {self._targets(endpoint.name)}"

    def _stopped(self, name: str, reason: str) -> Iterator[str]:
        if (name, reason) not in ((NAME, PERSON), ("seqdrop-idle", IDLE)):
            yield f"it is stopped: {reason}"
        yield from self._absent(name, "it was stopped")

    def _absent(self, name: str, why: str) -> Iterator[str]:
        sagemaker = self.world.sagemaker
        left = [each for each in (*sagemaker.endpoints, *sagemaker.configurations) if each.startswith(name)]
        alarms = [alarm for alarm in self.world.cloudwatch.alarms if alarm.startswith(f"{name}-")]
        if left := [*left, *alarms, *self._targets(name)]:
            yield f"{why}, and {left} are left"

    def _targets(self, name: str) -> list[str]:
        return [target for target in self.world.autoscaling.targets if f"/{name}/" in target]

    def _strangers(self) -> Iterator[str]:
        if extra := self.world.sagemaker.endpoints.keys() - set(NAMES):
            yield f"no analysis has the endpoints {extra}"

    def _mails(self) -> Iterator[str]:
        """Check that each refusal and each idle endpoint had one mail; those of a dead invocation may be lost."""
        due = Counter(self.world.reports)
        sent = Counter((self._kind(subject), subject.split()[-1]) for subject, _ in self.world.mails)
        again = sum(struck == (s.AGAIN, "Publish") for struck in self.struck)  # on the way to SNS
        if (sent - due).total() > again:
            yield f"there were mails without a reason: {dict(sent - due)}"
        lost = sum(fault in DEADLY and operation in AT for fault, operation in self.struck)
        if (due - sent).total() > lost:
            yield f"mails are missing: {dict(due - sent)}"

    def _kind(self, subject: str) -> str:
        return next((kind for text, kind in SUBJECTS.items() if text in subject), subject)
