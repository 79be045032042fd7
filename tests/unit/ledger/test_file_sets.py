"""Sets of files in the table: this version reads the items of deployed versions, and they can read its items."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.earlier_sets import LAYOUTS
from seqdrop.ledger.records import Step, Upload
from seqdrop.uploads import UploadVersion

from tests.unit.ledger.deployed_sets import DataSet, Pair, Run

ids = st.text("ABC234", min_size=1, max_size=26)
maybe = st.just("") | ids
revisions = st.integers(1, 10**6)
pairs = st.builds(Pair, st.text(), maybe, maybe, st.lists(ids, max_size=2).map(tuple), revisions)
data_sets = st.builds(DataSet, st.text(), st.dictionaries(st.text(min_size=1), ids), maybe, revisions)
runs = st.builds(Run, st.text(), maybe, maybe, maybe, st.integers(0, 10**6), maybe, maybe, revisions)
deployed = st.one_of(
    st.tuples(st.just("mates"), pairs),
    st.tuples(st.sampled_from(["masks", "training"]), data_sets),
    st.tuples(st.just("runs"), runs),
)


def from_table(item: dict) -> dict:
    """Return the item as boto3's Table resource does: numbers are Decimal."""
    decimals = {name: Decimal(value) if isinstance(value, int) else value for name, value in item.items()}
    facts = decimals.get("facts", {})
    return decimals | ({"facts": from_table(facts)} if facts else {})


def read(policy: str, record: Pair | DataSet | Run) -> FileSet:
    name = record.folder if isinstance(record, Run) else record.name
    return FileSet(policy, name).with_item(from_table(record.item()))


@given(deployed)
def test_items_of_a_deployed_version_are_read_and_written_so_that_it_can_read_them(written):
    policy, record = written
    file_set = read(policy, record)
    assert file_set.keys == record.keys
    assert file_set.revision == record.revision
    assert type(record).from_item(from_table(file_set.item())) == record


@given(deployed)
def test_items_of_this_version_are_read_back(written):
    file_set = read(*written)
    again = FileSet(file_set.policy, file_set.name).with_item(from_table(file_set.item()))
    assert again == file_set
    assert all(type(value) is not Decimal for value in again.facts.values())


def test_members_and_facts_of_each_policy_have_their_names():
    pair = read("mates", Pair("p", "A", "", ("A", "B"), 3))
    assert (pair.members, pair.facts) == ({"1": "A"}, {"settled": ["A", "B"]})
    data_set = read("training", DataSet("t", {"job.toml": "A", "x/y.fasta": "B"}, "A-training-1", 4))
    assert data_set.members == {"job.toml": "A", "x/y.fasta": "B"}
    assert data_set.fact("attempt") == "A-training-1"
    run = read("runs", Run("landing/run7/", manifest="M", missing=2, awaits="run7/b", revision=5))
    assert (run.members, run.facts) == ({"manifest": "M"}, {"missing": 2, "awaits": "run7/b"})
    assert run.fact("opened_at") == ""


def test_a_set_of_a_new_policy_has_fields_and_a_partition_of_its_own():
    file_set = FileSet("variants", "landing/x", {"vcf": "A"}, revision=1)
    assert set(file_set.item()) == {"policy", "name", "members", "facts", "revision", "pk", "sk"}
    assert file_set.keys["pk"].startswith("FILES#variants#")
    assert file_set.keys != FileSet("other", "landing/x").keys


@pytest.mark.parametrize("policy", sorted(LAYOUTS))
def test_an_earlier_version_and_this_one_never_both_write(ledger, policy):
    """A Lambda of the earlier version may still run while this version is deployed."""
    version = UploadVersion("landing", "reads/a.fastq", "v1", 10, "etag", "01")
    ledger.create(Upload.from_version(version, "reads"))
    upload, empty = ledger.find_upload(version.id), ledger.file_set(policy, "x")
    of_earlier = {"mates": Pair("x"), "runs": Run("x")}.get(policy, DataSet("x"))
    assert ledger.save(of_earlier) is True
    assert ledger.move_together([Step(upload, "WAITING")], shared=empty.with_member("1", "A")) is False
    assert ledger.find_upload(upload.id) == upload
    file_set = ledger.file_set(policy, "x")
    assert (file_set, file_set.revision) == (replace(empty, revision=1), 1)
    assert ledger.save(file_set.with_member("1", "A")) is True
    assert ledger.save(replace(of_earlier, revision=1)) is False
    assert ledger.file_set(policy, "x").members == {"1": "A"}
