"""Records agree with the facts, however often, late or mixed up events of an upload are handled."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.features.definitions import GROUPS, PROMOTER, READ_QC
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.runtime.events import Derivable
from seqdrop.stages.catalogue.catalogue import catalogue
from seqdrop.stages.catalogue.features import write_features
from seqdrop.uploads import UploadVersion

from tests.support.aws.account import Account
from tests.support.aws.errors import RefusedError
from tests.support.aws.feature_store import FeatureStore
from tests.support.services import direct_services
from tests.unit.features.documents import FASTQ_REPORT, PROMOTER_SUMMARY

KEY = "reads/S1.fastq"
TOMBSTONE = {"deleted_at": "2026-05-01T00:00:00.000Z"}
QC, PROMOTERS = "lab-read-qc", "lab-promoter"


class World:
    """An upload with documents in the results bucket, and the feature groups of the stack `lab`."""

    def __init__(self):
        self.account = Account()
        groups = {group.full_name("lab"): [feature.name for feature in group.features] for group in GROUPS}
        self.store = FeatureStore(groups)
        own = direct_services(self.account)
        settings = replace(own.settings, features="lab", catalogue="false")
        self.services = replace(own, settings=settings, feature_store=self.store, sagemaker=self.store)
        version = UploadVersion("landing", KEY, "v1", 10, "etag", "1")
        self.id = version.id
        self.services.ledger.create(Upload.from_version(version, "reads"))
        self.attempt = Attempt("PLANNED", upload_id=self.id, analysis="reads", number=1)
        self.services.ledger.create(self.attempt)

    @property
    def upload(self) -> Upload:
        return self.services.ledger.find_upload(self.id)

    def write(self, key: str, content: dict) -> None:
        self.account.s3.put("results", key, json.dumps(content).encode())

    def write_report(self, **changes) -> None:
        self.write(keys.report(self.id), FASTQ_REPORT | changes)

    def write_summary(self, **changes) -> None:
        self.write(keys.result("reads", self.id, 1, "summary.json"), PROMOTER_SUMMARY | changes)

    def handle(self) -> None:
        catalogue(self.services, Derivable(upload=self.id))

    def stored(self, group: str) -> dict | None:
        response = self.store.get_record(group, self.id)
        return {each["FeatureName"]: each["ValueAsString"] for each in response["Record"]} if response else None

    def versions(self, group: str) -> list[str]:
        return [row["event_time"][-3:-1] for row in self.store.offline[group]]


@pytest.fixture
def world() -> World:
    return World()


def test_an_upload_gets_a_record_in_each_group_it_has_facts_for(world):
    world.write_report()
    world.handle()
    assert world.stored(QC)["reads"] == "4"
    assert world.stored(QC)["event_time"] == world.upload.created_at[:19] + "Z"
    assert world.stored(PROMOTERS) is None
    world.write_summary()
    world.handle()
    assert world.stored(PROMOTERS)["windows"] == "40"


def test_a_repeated_event_writes_nothing(world):
    world.write_report()
    world.handle()
    world.handle()
    assert len(world.store.offline[QC]) == 1


def test_changed_facts_replace_the_record_by_a_version_a_second_later(world):
    world.write_report()
    world.handle()
    world.write_report(size=7)
    world.handle()
    assert world.stored(QC)["size"] == "7"
    first, second = world.versions(QC)
    assert int(second) == int(first) + 1


def test_a_group_with_fewer_features_gets_those_that_it_has(world):
    world.store.groups[QC].remove("n50")
    world.write_report()
    world.handle()
    world.handle()
    assert "n50" not in world.stored(QC)
    assert len(world.store.offline[QC]) == 1
    world.store.groups[QC].append("n50")  # the stack was updated
    world.handle()
    assert world.stored(QC)["n50"] == "150"
    assert len(world.store.offline[QC]) == 2


def test_a_forgotten_upload_loses_its_records_once(world):
    world.write_report()
    world.write_summary()
    world.handle()
    world.write(keys.tombstone(world.id), TOMBSTONE)
    world.handle()
    world.handle()
    assert (world.stored(QC), world.stored(PROMOTERS)) == (None, None)
    assert [row.get("is_deleted") for row in world.store.offline[QC]] == [None, "true"]


def test_a_late_event_of_a_forgotten_upload_writes_nothing(world):
    world.write(keys.tombstone(world.id), TOMBSTONE)
    world.write_report()
    world.handle()
    assert not world.store.offline[QC]


def test_a_record_that_was_deleted_by_hand_stays_deleted(world):
    world.write_report()
    world.handle()
    world.store.delete_record(QC, world.id, "2999-01-01T00:00:00Z")
    world.handle()
    assert world.stored(QC) is None


def test_the_newest_facts_win_if_two_invocations_overlap(world):
    """The first invocation has read the old report when another one writes the record of a new report."""
    world.write_report()

    def overtake() -> None:
        world.store.before_put = lambda: None
        world.write_report(size=7)
        world.handle()

    world.store.before_put = overtake
    world.handle()
    assert world.stored(QC)["size"] == "7"


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=12))
def test_any_order_of_changes_and_interruptions_ends_with_the_last_facts(steps):
    """Each step changes the report, perhaps while an invocation is between its reading and its writing."""
    world = World()
    world.write_report()
    for size, is_between in steps:

        def change(size=size) -> None:
            world.store.before_put = lambda: None
            world.write_report(size=size)
            world.handle()

        if is_between:
            world.store.before_put = change
        else:
            world.write_report(size=size)
        world.handle()
    world.store.before_put = lambda: None
    world.handle()
    report = json.loads(world.account.s3.read("results", keys.report(world.id)))
    assert world.stored(QC)["size"] == str(report["size"])


def test_a_record_that_never_stays_is_retried_later(world):
    world.write_report(size=0)
    sizes = iter(range(1, 100))
    world.store.before_put = lambda: world.write_report(size=next(sizes))
    with pytest.raises(RetryableError):
        write_features(world.services, world.upload)


def test_a_group_that_is_missing_fails_the_message(world):
    del world.store.groups[QC]
    world.write_report()
    with pytest.raises(RefusedError):
        world.handle()


def test_without_feature_groups_nothing_is_asked(world):
    world.services = replace(world.services, settings=replace(world.services.settings, features=""))
    world.store.groups.clear()
    world.write_report()
    world.handle()


def test_names_of_groups_begin_with_the_stack():
    assert (READ_QC.full_name("lab"), PROMOTER.full_name("lab")) == (QC, PROMOTERS)
