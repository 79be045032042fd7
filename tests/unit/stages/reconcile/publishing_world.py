"""A ledger in which all that the table of moves allows happens, while the reconciler sends events and crashes."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from seqdrop.bus.types import TYPES, find_happenings
from seqdrop.ledger.moves import ATTEMPT, JOB, MOVES, OPEN, RESTORE, RUN, UPLOAD
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.ledger.restore_records import RestoreRequest
from seqdrop.ledger.run_record import Run
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import iso
from seqdrop.stages.reconcile import publishing
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.jobfile import parse
from seqdrop.training.request import Order
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.event_bus import Bus
from tests.support.services import direct_services

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.ledger.records import Record

COUNTS = {split: {"records": 10, "letters": 1000, "classes": {}} for split in ("train", "validation", "test")}
JOB_TOML = b'model = "cnn"\n[data]\nformat = "csv"\nfile = "a.csv"\n[instance]\ntype = "ml.m5.xlarge"\nspot = false\n'
PREPARED = Prepared("d", "t", COUNTS)
ORDER = Order("x", parse(JOB_TOML), {"a.csv": "B" * 26}, "training/ab/data/", PREPARED).as_json()
FACTS = {
    (UPLOAD, "VALIDATED"): {"sha256": "0" * 64, "format": "fastq", "records": 1},
    (UPLOAD, "REJECTED"): {"reason": "bad_fastq"},
    (UPLOAD, "DUPLICATE"): {"duplicate_of": "A" * 26},
    (JOB, "FAILED"): {"reason": "out of memory"},
    (RUN, "COMPLETE"): {"files": 3, "bytes": 4, "samples": 1},
}
KINDS = (UPLOAD, ATTEMPT, JOB, RUN, RESTORE)


class CrashError(Exception):
    """The invocation of the reconciler ends here."""


class World:
    """Records that move at random, a bus, and a reconciler that may crash at each of its calls."""

    def __init__(self, seed: int, monkeypatch):
        self.random = random.Random(seed)
        self.clock = Clock()
        monkeypatch.setattr("seqdrop.clock.utc_now", lambda: self.clock.now)
        self.account, self.bus = Account(clock=self.clock), Bus()
        self.late = 0.0  # seconds between the time of a move and its write
        self.ledger = Ledger(Table(self.account), self._stamp)
        services = direct_services(self.account)
        settings = replace(services.settings, event_bus="bus")
        self.services = replace(services, settings=settings, ledger=Reading(self), events=Sending(self))
        self.services = replace(self.services, s3=Storing(self, services.s3))
        self.keys: list[Record] = []
        self.fails_at = -1  # number of the call at which the reconciler crashes; negative for never
        self.moves_between = 0.0  # chance that a record moves before a call of the reconciler
        self.count = 0

    def _stamp(self) -> str:
        """Return a time that no other move has, before its write."""
        self.clock.advance(0.002)
        return self._peek()

    def call(self, operation: Callable, *arguments, **named):
        """Make a call of the reconciler. It may crash before the call, or after it had its effect."""
        if self.random.random() < self.moves_between:
            self.step()
        self.fails_at -= 1
        if self.fails_at == 0 and self.random.random() < 0.5:
            raise CrashError
        result = operation(*arguments, **named)
        if self.fails_at == 0:
            raise CrashError
        return result

    # -- what happens --

    def step(self) -> None:
        """Create a record, or move one as the table allows."""
        self.late = self.random.choice((0, 0, 0, self.random.uniform(0, 890)))
        if not self.keys or self.random.random() < 0.3:
            record = self._new(self.random.choice(KINDS))
            assert self.ledger.create(record)
            self.keys.append(record)
        else:
            record = self.ledger.reread(self.random.choice(self.keys))
            targets = [move.target for move in MOVES if (move.kind, move.source) == (record.kind, record.state)]
            if targets and self.random.random() < 0.8:
                # A late write does not seem older than the move before it: its writer has seen that one.
                earlier = max(record.timeline.values(), default="")
                while self._peek() < earlier:
                    self.late /= 2
                target = self.random.choice(targets)
                self.ledger.move(record, target, **FACTS.get((record.kind, target), {}))
            elif record.state in OPEN[record.kind]:  # the reconciler nudges no others
                self.late = 0  # it has read the record
                self.ledger.note_nudge(record)
        self.clock.advance(self.random.choice((0.01, 1, 20)))

    def _peek(self) -> str:
        return iso(self.clock.now - timedelta(seconds=self.late))

    def _new(self, kind: str) -> Record:
        self.count += 1
        name = f"r{self.count}"
        if kind == UPLOAD:
            return Upload.from_version(UploadVersion("landing", f"reads/{name}.fastq", "v", 1, "e", "0"), "reads")
        if kind == ATTEMPT:
            upload = UploadVersion("landing", f"reads/{name}.fastq", "v", 1, "e", "0").id
            return Attempt("PLANNED", upload_id=upload, analysis="reads", plan=ORDER)
        if kind == JOB:
            return Job("PLANNED", name=f"seqdrop-{name}", members=["A" * 26 + "-reads-1"])
        if kind == RUN:
            return Run.of_folder("landing", f"runs/{name}/", "runs")
        return RestoreRequest("ASKED", id=name)

    # -- the reconciler --

    def reconcile(self, crash: bool = False) -> None:
        """Send events; with `crash`, the invocation ends at one of its calls."""
        self.fails_at = self.random.randint(1, 40) if crash else -1
        with suppress(CrashError):
            publishing.publish_events(self.services)
        self.fails_at = -1

    def expected(self, began: str) -> dict[str, str]:
        """Return the type of each event of the ledger's records, by its id."""
        records = [self.ledger.reread(record) for record in self.keys]
        return {each.make_id(): each.type for record in records for each in find_happenings(record, began)}

    def table(self, began: str) -> dict[str, str]:
        """Return the last state of each upload and run that has an event, by their ids."""
        states_by_id = {}
        for record in (self.ledger.reread(record) for record in self.keys):
            states = {
                time: state
                for state, time in record.timeline.items()
                if (record.kind, state) in TYPES and time >= began
            }
            if states and record.kind in (UPLOAD, RUN):
                states_by_id[record.id] = TYPES[record.kind, states[max(states)]]
        return states_by_id


class Reading:
    """The ledger of the reconciler."""

    def __init__(self, world: World):
        self._world = world

    def in_state(self, *arguments):
        return iter(self._world.call(lambda: list(self._world.ledger.in_state(*arguments))))

    def position(self, name: str):
        return self._world.call(self._world.ledger.position, name)

    def save(self, shared) -> bool:
        return self._world.call(self._world.ledger.save, shared)

    def find_upload(self, upload: str):
        return self._world.ledger.find_upload(upload)


class Sending:
    """The bus of the reconciler."""

    def __init__(self, world: World):
        self._world = world

    def put_events(self, **request) -> dict:
        return self._world.call(self._world.bus.put_events, **request)


class Storing:
    """The buckets of the reconciler."""

    def __init__(self, world: World, s3):
        self._world, self._s3 = world, s3

    def get_object(self, **request) -> dict:
        return self._world.call(self._s3.get_object, **request)

    def put_object(self, **request) -> dict:
        return self._world.call(self._s3.put_object, **request)
