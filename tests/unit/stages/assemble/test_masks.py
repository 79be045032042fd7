"""A FASTA and the BED of its masks, in any order and at any time: their final states, and the mails to the lab."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.ledger.table import Ledger
from seqdrop.stages.reconcile.reconcile import reconcile
from seqdrop.stages.validate.validate import validate
from seqdrop.uploads import UploadVersion

from tests.support.examples import share
from tests.unit.stages.mates import Explorer
from tests.unit.stages.world import PausingWorld

pytestmark = pytest.mark.usefixtures("reports_once")
FA, BED = "masked/x.fa", "masked/x.bed"
PLAIN, WITH_N = b">c one\n" + b"ACGT" * 10 + b"\n", b">c one\n" + b"ACGT" * 10 + b"NN" + b"ACGT" * 10 + b"\n"
MASKS = b"# mine\nc\t3\t5\nc\t9\t12\tpeak\n"


class World(PausingWorld):
    def items(self, version: UploadVersion) -> list[dict]:
        """Return the work items of the only attempt of a FASTA."""
        (attempt,) = self.ledger.attempts(version.id)
        prefix = f"shards/{version.id}/" + (f"{attempt.masks}/" if attempt.masks else "")
        lines = self.account.s3.read("work", f"{prefix}{attempt.key}-00000.jsonl").splitlines()
        assert len(lines) == attempt.items
        return [json.loads(line) for line in lines]

    def masks(self, version: UploadVersion) -> list[list[int]]:
        return [mask for item in self.items(version) for mask in item["masks"]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("order", [(FA, BED), (BED, FA)])
@pytest.mark.parametrize("names", [(FA, BED), ("masked/run 1/x.fasta", "masked/run 1/x.BED")])
def test_in_any_order_the_first_waits_and_both_advance_with_the_second(world, order, names):
    bodies, renamed = {FA: PLAIN, BED: MASKS}, dict(zip((FA, BED), names, strict=True))
    first = world.take(renamed[order[0]], bodies[order[0]])
    assert world.states(first) == ["WAITING"]
    assert world.upload(first).waiting_since
    assert world.sent == []
    second = world.take(renamed[order[1]], bodies[order[1]])
    assert world.states(first, second) == ["VALIDATED", "VALIDATED"]
    fasta, bed = (first, second) if order[0] == FA else (second, first)
    (attempt,) = world.ledger.attempts(fasta.id)
    assert world.sent == [("transform_queue", {"attempt": attempt.key})]
    assert (attempt.masks, world.upload(bed).masks_of) == (bed.id, attempt.key)
    assert (world.upload(fasta).mate, world.upload(bed).mate) == (bed.id, fasta.id)
    assert world.masks(fasta) == [[3, 5], [9, 12]]
    assert {item["sequence"] for item in world.items(fasta)} == {"ACGNNCGTANNN" + "ACGT" * 7}
    assert world.ledger.attempts(bed.id) == []
    report = world.read_json("reports", bed)
    assert (report["valid"], report["stretches"], report["records"]) == (True, 2, 1)


def test_a_fasta_with_runs_of_n_advances_alone_and_a_bed_replaces_them(world):
    alone = world.take("masked/alone.fa", WITH_N)
    assert world.states(alone) == ["VALIDATED"]
    assert world.masks(alone) == [[40, 42]]
    world.take(BED, MASKS)
    fasta = world.take(FA, WITH_N)
    assert world.masks(fasta) == [[3, 5], [9, 12]]


def test_files_of_other_names_are_not_taken_for_the_bed(world):
    fasta = world.take(FA, PLAIN)
    others = [world.take(key, MASKS) for key in ("masked/y.bed", "masked/x.1.bed", "masked/other/x.bed")]
    assert world.states(fasta, *others) == ["WAITING"] * 4


def test_a_bed_that_arrives_too_late_is_rejected_and_can_be_dropped_again(world):
    fasta = world.take(FA, WITH_N)
    late = world.take(BED, MASKS)
    assert world.states(fasta, late) == ["VALIDATED", "REJECTED"]
    reason = world.read_json("reasons", late)
    assert reason["code"] == "bed_late"
    assert "Drop this file again, and then x.fa again" in reason["advice"]
    assert [mail["Subject"] for mail in world.mails] == [f"Seqdrop rejected {BED}"]
    again = world.take(BED, MASKS)
    assert world.states(again) == ["WAITING"]
    newer = world.take(FA, WITH_N)
    assert world.states(again, newer) == ["VALIDATED", "VALIDATED"]
    assert world.masks(newer) == [[3, 5], [9, 12]]
    assert world.masks(fasta) == [[40, 42]]


def test_after_a_pair_advanced_the_next_pair_is_a_new_one(world):
    """The same names are used again, with the BED first or second."""
    for order in ([(BED, MASKS), (FA, PLAIN)], [(FA, PLAIN), (BED, MASKS)], [(BED, b"c 0 1\n"), (FA, WITH_N)]):
        versions = [world.take(*item) for item in order]
        assert world.states(*versions) == ["VALIDATED", "VALIDATED"]
    assert world.masks(versions[1]) == [[0, 1]]
    assert world.mails == []


def test_a_bed_is_used_once(world):
    world.take(BED, MASKS)
    world.take(FA, PLAIN)
    assert world.states(world.take(FA, PLAIN)) == ["WAITING"]


class TestFaults:
    def test_a_corrected_bed_is_paired(self, world):
        fasta, broken = world.take(FA, PLAIN), world.take(BED, b"c\t5\t3\n")
        assert world.states(fasta, broken) == ["WAITING", "REJECTED"]
        reason = world.read_json("reasons", broken)
        assert (reason["code"], reason["line"]) == ("bed_order", 1)
        assert len(world.mails) == 1
        assert world.states(world.take(BED, MASKS), fasta) == ["VALIDATED", "VALIDATED"]

    @pytest.mark.parametrize("order", [(FA, BED), (BED, FA)])
    @pytest.mark.parametrize(
        ("bed", "code", "line"), [(b"c 1 2\nd 1 2\n", "bed_no_record", 2), (b"c 39 41\n", "bed_beyond_end", 1)]
    )
    def test_files_that_do_not_fit_are_rejected_together(self, world, order, bed, code, line):
        versions = {key: world.take(key, {FA: PLAIN, BED: bed}[key]) for key in order}
        assert world.states(*versions.values()) == ["REJECTED", "REJECTED"]
        for key, version in versions.items():
            other = versions[BED if key == FA else FA]
            reason = world.read_json("reasons", version)
            assert (reason["code"], reason["line"]) == (code, line)
            assert reason["mate"] == {"upload": other.id, "key": other.key, "version_id": other.version_id}
            assert "line numbers are those of x.bed" in reason["message"]
            assert world.upload(version).reason == code
        (mail,) = world.mails
        assert mail["Subject"] == f"Seqdrop rejected {FA} and its BED"
        assert "Drop both again" in mail["Message"]
        assert world.ledger.attempts(versions[FA].id) == []
        again = [world.take(FA, PLAIN), world.take(BED, MASKS)]
        assert world.states(*again) == ["VALIDATED", "VALIDATED"]

    def test_a_broken_fasta_leaves_its_bed_waiting(self, world):
        bed, broken = world.take(BED, MASKS), world.take(FA, b">c\nACGT!\n")
        assert world.states(bed, broken) == ["WAITING", "REJECTED"]
        assert world.read_json("reasons", broken)["code"] == "illegal_base"
        assert world.states(world.take(FA, PLAIN), bed) == ["VALIDATED", "VALIDATED"]


class TestDeleted:
    def test_a_deleted_bed_is_ignored(self, world):
        bed, waits = world.take(BED, MASKS), world.take("masked/y.bed", MASKS)
        for version in (bed, waits):
            world.delete(version)
        fasta = world.take(FA, PLAIN)
        validate(world.services, waits)  # the reconciler's nudge
        assert world.states(bed, fasta, waits) == ["WITHDRAWN", "WAITING", "WITHDRAWN"]
        assert world.states(world.take(BED, MASKS), fasta) == ["VALIDATED", "VALIDATED"]

    def test_a_deleted_fasta_leaves_its_bed_waiting(self, world):
        fasta = world.take(FA, PLAIN)
        world.delete(fasta)
        bed = world.take(BED, MASKS)
        assert world.states(fasta, bed) == ["WITHDRAWN", "WAITING"]

    def test_a_nudge_of_a_waiting_file_changes_nothing(self, world):
        fasta = world.take(FA, PLAIN)
        before = world.upload(fasta)
        validate(world.services, fasta)
        assert world.upload(fasta) == before


class TestVersions:
    @pytest.mark.parametrize(("key", "body"), [(FA, PLAIN), (BED, MASKS)])
    def test_a_newer_version_takes_the_slot_of_a_waiting_one(self, world, key, body):
        old, new = world.take(key, body), world.take(key, body)
        assert world.states(old, new) == ["REJECTED", "WAITING"]
        assert world.read_json("reasons", old)["code"] == "superseded"
        other = world.take(BED if key == FA else FA, MASKS if key == FA else PLAIN)
        assert world.states(old, new, other) == ["REJECTED", "VALIDATED", "VALIDATED"]
        assert len(world.mails) == 1

    def test_an_older_version_whose_message_is_late_is_superseded(self, world):
        old = world.drop(BED, MASKS)
        new = world.take(BED, b"c 0 1\n")
        validate(world.services, old)
        assert world.states(old, new) == ["REJECTED", "WAITING"]

    def test_a_bed_that_replaces_another_while_the_fasta_is_read_is_used(self, world, monkeypatch):
        """The work items of the first BED's intervals may exist already; they must not be used for the second."""
        world.take(BED, MASKS)
        fasta = world.drop(FA, PLAIN)
        move, newer = Ledger.move_together, []

        def late(self, *args, **kwargs):
            if not newer:
                newer.append(None)
                newer.append(world.take(BED, b"c 0 1\n"))
            return move(self, *args, **kwargs)

        monkeypatch.setattr(Ledger, "move_together", late)
        validate(world.services, fasta)
        assert world.states(fasta, newer[1]) == ["VALIDATED", "VALIDATED"]
        assert world.masks(fasta) == [[0, 1]]


@settings(deadline=None, max_examples=share(60))
@given(st.data())
def test_any_versions_in_any_order(data):
    """Messages arrive twice and out of order: each file advances or is reported, and no BED is overlooked."""
    world = World()
    dropped = [world.drop(key, body) for key, body in data.draw(st.lists(bodies, min_size=1, max_size=5))]
    again = data.draw(st.lists(st.sampled_from(dropped), max_size=3))
    for version in data.draw(st.permutations(dropped + again)):
        validate(world.services, version)
        if data.draw(st.booleans()):
            world.deliver()
    world.deliver()
    uploads = {version: world.upload(version) for version in dropped}
    waiting = [upload.key for upload in uploads.values() if upload.state == "WAITING"]
    assert len(waiting) <= 1
    for version, upload in uploads.items():
        assert upload.state in ("WAITING", "VALIDATED") or upload.reason in ("superseded", "bed_late"), upload
        going = upload.state == "VALIDATED" and upload.key == FA
        attempts = world.ledger.attempts(version.id)
        assert len(attempts) == going
        if going and attempts[0].masks:
            bed = world.ledger.find_upload(attempts[0].masks)
            assert (bed.state, bed.masks_of, bed.mate, upload.mate) == ("VALIDATED", attempts[0].key, upload.id, bed.id)
            assert world.masks(version) == [[3, 5], [9, 12]]
        if upload.state == "VALIDATED" and upload.key == BED:
            assert world.ledger.find_attempt(upload.masks_of).masks == upload.id
        if upload.state == "REJECTED":
            assert world.read_json("reasons", version)["code"] == upload.reason


bodies = st.sampled_from([(FA, PLAIN), (FA, WITH_N), (BED, MASKS)])


def at_one_moment(body: bytes, explorer: Explorer) -> tuple[World, UploadVersion, UploadVersion]:
    """Validate a FASTA and its BED in two Lambdas at the same time."""
    world = World()
    versions = world.drop(FA, body), world.drop(BED, MASKS)
    world.take_turns([partial(validate, world.services, version) for version in versions], explorer.choose)
    world.deliver()
    return world, *versions


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        (PLAIN, {("VALIDATED", "VALIDATED", True)}),
        (WITH_N, {("VALIDATED", "VALIDATED", True), ("VALIDATED", "REJECTED", False)}),
    ],
)
def test_every_order_of_two_simultaneous_validations(body, ends):
    explorer, outcomes = Explorer(most=3), []
    while explorer.next():
        world, fasta, bed = at_one_moment(body, explorer)
        (attempt,) = world.ledger.attempts(fasta.id)
        expected = [[3, 5], [9, 12]] if attempt.masks else [[40, 42]]
        assert world.masks(fasta) == expected
        outcomes.append((*world.states(fasta, bed), bool(attempt.masks)))
    assert set(outcomes) == ends
    assert len(outcomes) > 50


def test_the_orders_show_a_bed_that_is_overlooked(monkeypatch):
    """Test the test: without the revision of the set, some order leaves both files waiting."""
    free = {"ConditionExpression": "attribute_not_exists(none)"}
    monkeypatch.setattr(
        Ledger, "_put_shared", lambda self, pair: {"Put": {"TableName": self._table.name, "Item": pair.item(), **free}}
    )
    explorer, outcomes = Explorer(most=2), set()
    while explorer.next() and ("WAITING", "WAITING") not in outcomes:
        world, *versions = at_one_moment(PLAIN, explorer)
        outcomes.add(tuple(world.states(*versions)))
    assert ("WAITING", "WAITING") in outcomes


@pytest.mark.parametrize(("key", "body", "awaited"), [(FA, PLAIN, "x.bed"), (BED, MASKS, "x.fa")])
def test_the_lab_is_notified_once_of_a_file_that_waits(services, sent, monkeypatch, key, body, awaited):
    answer = services.s3.put_object(Bucket="landing", Key=key, Body=body)
    version = UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))
    validate(services, version)
    then = datetime.now(UTC) + timedelta(hours=25)
    monkeypatch.setattr("seqdrop.clock.utc_now", lambda: then)
    for _ in range(2):
        reconcile(services)
    (mail,) = [mail for queue, mail in sent if queue == "topic"]
    assert mail["Subject"] == f"Seqdrop: {key} waits for its {'BED' if key == FA else 'FASTA'}"
    assert awaited in mail["Message"]
    assert [body["detail"]["object"]["key"] for queue, body in sent if queue == "validate_queue"] == [key]


def test_an_error_of_s3_does_not_reject_a_file(world, monkeypatch):
    bed = world.take(BED, MASKS)

    def failing(**_):
        raise ClientError({"Error": {"Code": "SlowDown"}}, "HeadObject")

    monkeypatch.setattr(world.services.s3, "head_object", failing, raising=False)
    with pytest.raises(ClientError):
        validate(world.services, bed)
    assert world.states(bed) == ["WAITING"]


def test_a_file_is_read_in_a_lambda_whatever_its_size(world):
    small = replace(world.services, analyses=replace(world.services.analyses, lambda_gb=0.0))
    version = world.drop(FA, WITH_N)
    validate(small, version)
    assert world.states(version) == ["VALIDATED"]
