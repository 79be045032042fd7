"""A backlog of files: the reconciler records them, and does not send their messages again while they only wait."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.events import make_landed_message, parse_landed_versions
from seqdrop.runtime.services import iso, now
from seqdrop.stages.lease import READING
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate import validate as stage
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion, make_sequencer

from tests.support.aws.account import Account
from tests.support.aws.clock import Clock
from tests.support.aws.direct import Table
from tests.support.aws.template import QueueSettings
from tests.support.services import direct_services

QUEUE = "https://sqs.eu-west-1.amazonaws.com/1/validate"
FASTQ = b"@r1\nACGT\n+\nIIII\n"
RUNS_EVERY = 300  # seconds between two runs of the reconciler


class Lab:
    """An account with one clock, a queue of validate that counts its messages, and a number of workers."""

    def __init__(self, monkeypatch):
        self.clock = Clock()
        settings = {"validate": QueueSettings("validate", 5400, 5, "dead")}
        self.account = Account(queues=settings, clock=self.clock)
        services = direct_services(self.account)
        self.services = replace(
            services,
            ledger=Ledger(Table(self.account), now),
            settings=replace(services.settings, validate_queue=QUEUE),
        )
        monkeypatch.setattr("seqdrop.clock.utc_now", self.now)
        self.messages = 0
        self.reads: Counter[str] = Counter()
        monkeypatch.setattr(stage, "examine", self.count_read(stage.examine))
        put = self.account.queues.put

        def count(*more):
            self.messages += 1
            return put(*more)

        self.account.queues.put = count

    def now(self):
        return self.clock.now

    def count_read(self, examine):
        def read(s3, work, request):
            self.reads[request.version.id] += 1
            return examine(s3, work, request)

        return read

    def drop(self, key: str, announce: bool = True) -> UploadVersion:
        landed = self.account.s3.put("landing", key, FASTQ)
        version = UploadVersion("landing", key, landed.id, len(FASTQ), landed.etag, landed.sequencer)
        if announce:
            self.services.send(QUEUE, make_landed_message(version))
        return version

    def receive(self, most: int) -> list:
        """Receive at most this many messages, and validate their files."""
        queues = self.account.queues
        messages = queues.receive("validate", queues.visible("validate")[:most])
        for message in messages:
            for version in parse_landed_versions(json.loads(message.body)):
                validate(self.services, version)
            queues.done("validate", message)
        return messages

    def work_off(self, workers: int, seconds: int) -> None:
        """Let workers, who need some seconds for each file, empty the queue, while the reconciler runs."""
        rounds = 0
        while self.account.queues.messages["validate"]:
            self.receive(workers)
            before = self.clock.seconds
            self.clock.advance(seconds)
            for _ in range(int(self.clock.seconds // RUNS_EVERY - before // RUNS_EVERY)):
                assert reconcile(self.services)["errors"] == 0
            rounds += 1
            assert rounds < 10_000


@pytest.fixture
def lab(monkeypatch):
    return Lab(monkeypatch)


def assert_few_messages(lab: Lab, count: int) -> None:
    versions = [lab.drop(f"raw/{number:05d}.fastq") for number in range(count)]
    lab.work_off(workers=max(1, count // 160), seconds=150)
    assert lab.messages < 1.2 * count
    assert set(lab.reads.values()) == {1}
    assert {lab.services.ledger.find_upload(version.id).state for version in versions} == {"VALIDATED"}


def test_a_backlog_of_many_hours_makes_fewer_than_1_2_messages_a_file(lab):
    assert_few_messages(lab, 60)


@pytest.mark.long
def test_a_backlog_of_10000_files_makes_fewer_than_1_2_messages_a_file(lab):
    assert_few_messages(lab, 10_000)


def test_lost_events_are_sent_once_and_then_ever_more_rarely(lab):
    versions = [lab.drop(f"raw/{number}.fastq", announce=False) for number in range(50)]
    lab.clock.advance(35 * 60)
    for _ in range(4):
        reconcile(lab.services)
        lab.clock.advance(RUNS_EVERY)
    assert lab.messages == 50
    assert {lab.services.ledger.find_upload(version.id).state for version in versions} == {"RECEIVED"}
    lab.receive(50)
    assert {lab.services.ledger.find_upload(version.id).state for version in versions} == {"VALIDATED"}


def test_events_that_were_lost_in_a_backlog_are_sent_when_it_is_gone(lab):
    lost = lab.drop("raw/lost.fastq", announce=False)
    for number in range(30):
        lab.drop(f"raw/{number}.fastq")
    lab.clock.advance(3600)
    reconcile(lab.services)
    assert lab.messages == 30
    assert lab.services.ledger.find_upload(lost.id).state == "RECEIVED"  # recorded, not sent
    lab.receive(30)
    lab.clock.advance(3600)
    reconcile(lab.services)
    assert [version.key for version in parse_landed_versions(json.loads(lab.receive(5)[0].body))] == [lost.key]


def test_a_backlog_that_never_ends_is_nudged_once_a_day(lab):
    lab.drop("raw/lost.fastq", announce=False)
    for number in range(30):
        lab.drop(f"raw/{number}.fastq")
    days = []
    for _ in range(72):
        before = lab.messages
        lab.clock.advance(3600)
        reconcile(lab.services)
        days.append(lab.messages - before)
    assert days.count(31) == sum(days) // 31 == 2


def test_a_crash_between_the_record_and_its_message_loses_nothing(lab, monkeypatch):
    lost = lab.drop("raw/lost.fastq", announce=False)
    lab.clock.advance(3600)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.services), "send", die)
        with pytest.raises(KeyboardInterrupt):
            reconcile(lab.services)
    assert lab.services.ledger.find_upload(lost.id).state == "RECEIVED"
    lab.clock.advance(3600)
    reconcile(lab.services)
    lab.receive(1)
    assert lab.services.ledger.find_upload(lost.id).state == "VALIDATED"


def test_waiting_files_are_not_nudged_into_a_backlog(lab):
    first = lab.drop("reads/S1_R1.fastq")
    lab.receive(1)
    assert lab.services.ledger.find_upload(first.id).state == "WAITING"
    for number in range(30):
        lab.drop(f"raw/{number}.fastq")
    lab.clock.advance(3600)
    assert reconcile(lab.services)["waiting"] == 0
    lab.receive(30)
    assert reconcile(lab.services)["waiting"] == 1


def test_one_version_that_cannot_be_recorded_does_not_affect_the_others(lab, monkeypatch):
    bad, good = (lab.drop(f"raw/{name}.fastq", announce=False) for name in ("a", "b"))
    create = Ledger.create

    def refuse(ledger, record):
        if record.id == bad.id:
            raise ValueError(record.id)
        return create(ledger, record)

    monkeypatch.setattr(Ledger, "create", refuse)
    lab.clock.advance(3600)
    assert reconcile(lab.services)["unrecorded"] == 1
    assert lab.services.ledger.find_upload(good.id).state == "RECEIVED"


class TestLease:
    """Only one invocation reads a file."""

    def test_a_second_message_does_not_read_a_file_that_is_being_read(self, lab, monkeypatch):
        version = lab.drop("raw/a.fastq", announce=False)
        examine = stage.examine

        def read(*more):
            validate(lab.services, version)  # the duplicate, while the first reads
            return examine(*more)

        monkeypatch.setattr(stage, "examine", read)
        validate(lab.services, version)
        assert lab.reads == {version.id: 1}
        assert lab.services.ledger.find_upload(version.id).state == "VALIDATED"

    def test_the_reconciler_does_not_nudge_a_file_that_is_being_read(self, lab):
        version = lab.drop("raw/a.fastq", announce=False)
        lab.clock.advance(3600)
        reconcile(lab.services)
        lab.clock.advance(3600)
        assert READING.take(lab.services, lab.services.ledger.find_upload(version.id))
        assert reconcile(lab.services)["received"] == 0
        lab.clock.advance(15 * 60)
        assert reconcile(lab.services)["received"] == 1

    def test_a_read_that_failed_is_repeated_by_the_next_delivery(self, lab, monkeypatch):
        version = lab.drop("raw/a.fastq", announce=False)
        with monkeypatch.context() as patch:
            patch.setattr(stage, "examine", lambda *_: (_ for _ in ()).throw(TimeoutError))
            with pytest.raises(TimeoutError):
                validate(lab.services, version)
        validate(lab.services, version)
        assert lab.services.ledger.find_upload(version.id).state == "VALIDATED"

    def test_a_file_whose_reader_was_killed_is_read_after_the_lease(self, lab, monkeypatch):
        version = lab.drop("raw/a.fastq", announce=False)
        with monkeypatch.context() as patch:
            patch.setattr(stage, "examine", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                validate(lab.services, version)
        validate(lab.services, version)
        assert lab.services.ledger.find_upload(version.id).state == "RECEIVED"
        lab.clock.advance(15 * 60)
        validate(lab.services, version)
        assert lab.services.ledger.find_upload(version.id).state == "VALIDATED"

    def test_a_lease_from_the_future_does_not_count(self, lab):
        version = lab.drop("raw/a.fastq", announce=False)
        later = iso(lab.now() + timedelta(minutes=1))
        reconcile(lab.services)
        validate(lab.services, version)
        upload = lab.services.ledger.find_upload(version.id)
        assert not READING.is_held(replace(upload, reading_since=later))
        assert READING.is_held(replace(upload, reading_since=now()))


def test_the_event_adds_its_sequencer_to_a_record_of_the_reconciler(lab):
    version = lab.drop("reads/S1_R1.fastq", announce=False)
    lab.clock.advance(3600)
    reconcile(lab.services)
    assert lab.services.ledger.find_upload(version.id).version.has_made_sequencer
    validate(lab.services, replace(version, sequencer="0055AED6DCD90281E5"))
    assert lab.services.ledger.find_upload(version.id).sequencer == "0055AED6DCD90281E5"
    validate(lab.services, replace(version, sequencer=make_sequencer(lab.now())))
    assert lab.services.ledger.find_upload(version.id).sequencer == "0055AED6DCD90281E5"
