"""The ledger refuses a write if another writer was first, and never writes half of a transaction."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.kinds import from_item
from seqdrop.ledger.moves import MOVES, IllegalMoveError
from seqdrop.ledger.records import Attempt, Job, Step, Upload, attempt_keys
from seqdrop.uploads import UploadVersion

UNUSED = itertools.count()
VERSION = UploadVersion("landing", "reads/a.fastq", "v1", 10, "etag", "01")


@pytest.fixture
def upload(ledger) -> Upload:
    ledger.create(Upload.from_version(VERSION, "reads"))
    return ledger.find_upload(VERSION.id)


def attempt(upload: Upload, number: int = 1) -> Attempt:
    return Attempt("PLANNED", upload_id=upload.id, analysis="reads", number=number, shards=1, items=2)


def test_a_second_record_of_one_version_is_refused(ledger, upload):
    assert ledger.create(Upload.from_version(VERSION, "reads")) is False
    assert ledger.find_upload(VERSION.id) == upload


def test_an_upload_keeps_what_its_event_said(upload):
    assert upload.version == VERSION
    assert (upload.state, upload.revision, upload.analysis) == ("RECEIVED", 1, "reads")
    assert upload.created_at == upload.moved_at != ""


def test_only_one_of_two_moves_of_the_same_record_succeeds(ledger, upload):
    assert ledger.move(upload, "VALIDATED", sha256="aa") is True
    assert ledger.move(upload, "REJECTED", reason="late") is False
    current = ledger.find_upload(upload.id)
    assert (current.state, current.revision, current.sha256, current.reason) == ("VALIDATED", 2, "aa", "")
    assert current.created_at == upload.created_at < current.moved_at


def test_a_refused_move_writes_none_of_its_new_records(ledger, upload):
    ledger.move(upload, "REJECTED", reason="x")
    assert ledger.move(upload, "VALIDATED", attempt(upload)) is False
    assert ledger.attempts(upload.id) == []


def test_a_claim_is_all_or_nothing(ledger, upload):
    first, second = attempt(upload, 1), attempt(upload, 2)
    ledger.move(upload, "VALIDATED", first, second)
    first, second = ledger.attempts(upload.id)
    assert ledger.claim(Job("PLANNED", name="job-a", members=[first.key]), [first]) is True
    assert ledger.claim(Job("PLANNED", name="job-b", members=[first.key, second.key]), [first, second]) is False
    assert ledger.find_job("job-b") is None
    assert [(a.state, a.job) for a in ledger.attempts(upload.id)] == [("SUBMITTED", "job-a"), ("PLANNED", "")]
    assert ledger.find_job("job-a").members == [first.key]


def test_a_move_that_is_not_in_the_table_raises(ledger, upload):
    with pytest.raises(IllegalMoveError):
        ledger.move(upload, "ARCHIVED")


def test_records_are_found_by_state_oldest_first(ledger):
    versions = [UploadVersion("landing", f"reads/{n}", "v", 1, "e") for n in range(3)]
    for version in versions:
        ledger.create(Upload.from_version(version, "reads"))
    ledger.move(ledger.find_upload(versions[0].id), "REJECTED", reason="x")
    assert [record.key for record in ledger.in_state("upload", "RECEIVED")] == ["reads/1", "reads/2"]
    assert list(ledger.in_state("upload", "RECEIVED", moved_before="2025")) == []


def test_the_key_of_an_attempt_leads_to_its_record(upload):
    twelfth = attempt(upload, 12)
    assert attempt_keys(twelfth.key) == twelfth.keys


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_each_step_of_any_walk_through_the_table_succeeds_once(ledger, data):
    version = UploadVersion("landing", f"reads/{next(UNUSED)}", "v", 1, "e")
    ledger.create(Upload.from_version(version, "reads"))
    for step in range(1, 6):
        record = ledger.find_upload(version.id)
        targets = sorted(m.target for m in MOVES if m.kind == "upload" and m.source == record.state)
        if not targets:
            break
        target = data.draw(st.sampled_from(targets))
        assert ledger.move(record, target) is True
        assert ledger.move(record, target) is False
        assert ledger.find_upload(version.id).revision == step + 1


def test_records_of_every_kind_are_read_back(upload):
    for record in (upload, attempt(upload), Job("PLANNED", name="j", members=["a", "b"], request="{}")):
        assert from_item(record.item()) == record


def test_a_set_is_empty_until_a_file_takes_a_slot(ledger):
    assert ledger.file_set("mates", "reads/a_R\0") == FileSet("mates", "reads/a_R\0")


def test_a_slot_is_taken_with_the_move_or_not_at_all(ledger, upload):
    empty = ledger.file_set("mates", "p")
    assert ledger.move_together([Step(upload, "WAITING")], shared=empty.with_member("1", upload.id)) is True
    assert ledger.file_set("mates", "p") == FileSet("mates", "p", {"1": upload.id}, revision=1)
    late = ledger.find_upload(upload.id)
    assert ledger.move_together([Step(late, "VALIDATED")], [attempt(upload)], empty.with_member("2", "other")) is False
    assert ledger.find_upload(upload.id) == late
    assert ledger.attempts(upload.id) == []
    other = ledger.file_set("mates", "p").with_member("2", "other")
    assert ledger.move_together([Step(upload, "WAITING")], shared=other) is False
    assert "2" not in ledger.file_set("mates", "p").members


def test_two_uploads_advance_together_or_not_at_all(ledger, upload):
    version = UploadVersion("landing", "reads/b.fastq", "v1", 10, "etag", "01")
    ledger.create(Upload.from_version(version, "reads"))
    other = ledger.find_upload(version.id)
    ledger.move(other, "REJECTED")
    steps = [Step(upload, "VALIDATED", {"mate": other.id}), Step(other, "VALIDATED", {"mate": upload.id})]
    file_set = ledger.file_set("mates", "p").with_member("1", "x").with_facts(settled=["x", "y"])
    assert ledger.move_together(steps, shared=file_set) is False
    assert ledger.find_upload(upload.id) == upload
    assert ledger.file_set("mates", "p").revision == 0


def test_a_note_changes_only_its_own_fields(ledger, upload):
    assert ledger.note(upload, told_at="now") is True
    assert ledger.find_upload(upload.id) == replace(upload, told_at="now", revision=2)
    assert ledger.note(upload, told_at="later") is False


def test_a_set_of_files_has_no_state(ledger, upload):
    facts = {"settled": [upload.id, "y"], "missing": 3}
    ledger.move_together([], shared=ledger.file_set("mates", "p").with_member("1", upload.id).with_facts(**facts))
    assert ledger.file_set("mates", "p") == FileSet("mates", "p", {"1": upload.id}, facts, 1)
    assert [record.id for record in ledger.in_state("upload", "RECEIVED")] == [upload.id]
