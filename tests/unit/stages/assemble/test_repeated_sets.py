"""Files that belong together and are sent again: all are duplicates, or the set is new and all of it is processed."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from seqdrop import clock
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.assemble.repeats import PATIENCE_HOURS
from seqdrop.stages.reconcile.overdue import monitor_waiting

from local.proteins import encode_data_set, make_proteins
from tests.unit.stages.finishing import ON_PURPOSE, FinishingWorld
from tests.unit.stages.mates import fastq

pytestmark = pytest.mark.usefixtures("reports_once")
R1, R2 = "reads/run7/S_R1_001.fastq", "reads/run7/S_R2_001.fastq"
MATES = {R1: fastq(1), R2: fastq(2)}
FA, BED = "masked/x.fa", "masked/x.bed"
PLAIN, WITH_N = b">c\n" + b"ACGT" * 10 + b"\n", b">c\n" + b"ACGT" * 10 + b"NN" + b"ACGT" * 10 + b"\n"
MASKS = {FA: PLAIN, BED: b"c\t3\t5\n"}
JOB = """
model = "cnn"
[data]
format = "flip"
sequences = "sequences.fasta"
labels = "sampled.fasta"
mask = "mask.fasta"
[instance]
type = "ml.m5.xlarge"
"""
PROTEINS = encode_data_set(make_proteins(random.Random(3), {"train": 6, "validation": 2, "test": 2}), JOB)
TRAINING = {f"training/x/{name}": body for name, body in PROTEINS.items()}
HEAD = "training/x/job.toml"
MASKS_WITH_N = {FA: WITH_N, BED: b"c\t3\t5\n"}
SETS = {"mates": MATES, "masks": MASKS, "masks with N": MASKS_WITH_N, "training": TRAINING}
SETS_OF_ONE_ATTEMPT = {name: files for name, files in SETS.items() if name != "mates"}


@pytest.fixture
def world() -> FinishingWorld:
    return FinishingWorld()


def send(world: FinishingWorld, files: dict[str, bytes], order=None, **more) -> dict:
    """Drop the files of a set, and carry them to their final states."""
    versions = {key: world.take(key, files[key], **more) for key in order or sorted(files, key=lambda key: key == FA)}
    world.deliver()
    world.finish(*versions.values())
    return versions


def sample_orders(files: dict[str, bytes]) -> list[tuple[str, ...]]:
    """Return both orders of two files, or three orders of more."""
    orders = list(permutations(files))
    return orders if len(orders) == 2 else random.Random(1).sample(orders, 3)


def states(world: FinishingWorld, versions: dict) -> set[str]:
    return set(world.states(*versions.values()))


def pass_hours(world: FinishingWorld, monkeypatch, hours: float) -> None:
    later = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr(clock, "utc_now", lambda: later)
    monitor_waiting(world.services)
    world.deliver()


@pytest.mark.parametrize("name", SETS)
def test_a_set_that_is_sent_again_in_any_order_has_no_attempt_and_no_copy(world, name):
    files = SETS[name]
    first = send(world, files)
    assert states(world, first) == {"ARCHIVED"}
    attempts, copies, mails = world.attempts, world.copies, world.mails
    start = world.snapshot()
    for order in sample_orders(files):
        world.back_to(start)
        for _ in range(2):  # nights
            again = send(world, files, order)
            assert states(world, again) == {"DUPLICATE"}, order
            assert {world.upload(again[key]).duplicate_of for key in files} == {first[key].id for key in files}
        assert (world.attempts, world.copies, world.mails) == (attempts, copies, mails), order
        assert not world.account.s3.buckets["landing"].keys


@pytest.mark.parametrize("name", SETS)
def test_a_set_that_is_sent_again_on_purpose_is_processed(world, name):
    first = send(world, SETS[name])
    attempts = world.attempts
    again = send(world, SETS[name], about=ON_PURPOSE)
    assert (states(world, first), states(world, again)) == ({"ARCHIVED"}, {"ARCHIVED"})
    assert (world.attempts, len(world.copies)) == (2 * attempts, 2 * len(first))
    assert states(world, send(world, SETS[name])) == {"DUPLICATE"}


CHANGED = {BED: b"c\t6\t9\n", HEAD: PROTEINS["job.toml"] + b"# changed\n", FA: PLAIN.replace(b"CGT", b"CGA")}


@pytest.mark.parametrize("changed", [BED, FA, HEAD])
def test_if_one_file_of_a_set_changed_all_of_it_is_processed_and_only_that_file_is_copied(world, changed):
    files = TRAINING if changed == HEAD else MASKS
    send(world, files)
    start = world.snapshot()
    for order in sample_orders(files):
        world.back_to(start)
        attempts, copies = world.attempts, len(world.copies)
        again = send(world, files | {changed: CHANGED[changed]}, order)
        assert world.attempts == attempts + 1, order
        assert {key: world.upload(again[key]).state for key in files} == {
            key: "ARCHIVED" if key == changed else "DUPLICATE" for key in files
        }
        assert len(world.copies) == copies + 1
        third = send(world, files | {changed: CHANGED[changed]}, order)  # the changed set is known now
        assert states(world, third) == {"DUPLICATE"}, order
        assert world.attempts == attempts + 1


@pytest.mark.parametrize("order", [(R1, R2), (R2, R1)])
def test_a_changed_mate_is_compared_with_the_other_and_only_the_changed_one_is_predicted(world, order):
    first = send(world, MATES)
    world.expire()  # the names of the archived mate's reads have expired as well
    again = send(world, MATES | {R2: fastq(2, silent=True)}, order)
    assert {key: world.upload(again[key]).state for key in MATES} == {R1: "DUPLICATE", R2: "ARCHIVED"}
    assert (len(world.ledger.attempts(again[R1].id)), len(world.ledger.attempts(again[R2].id))) == (0, 1)
    report = world.read_json("reports", again[R2])
    assert (report["mate"]["upload"] in (first[R1].id, again[R1].id), report["mate"]["checked"]) == (True, True)


@pytest.mark.parametrize("key", [R1, R2])
def test_one_mate_that_is_sent_again_without_the_other_is_a_duplicate(world, key):
    first = send(world, MATES)
    assert states(world, send(world, {key: MATES[key]})) == {"DUPLICATE"}
    other = R2 if key == R1 else R1
    world.expire_record(first[other])
    again = send(world, {key: MATES[key]})
    assert states(world, again) <= {"DUPLICATE", "WAITING"}


@pytest.mark.parametrize(
    ("files", "key"),
    [(MASKS, FA), (MASKS, BED), (MASKS_WITH_N, FA), (TRAINING, HEAD), (TRAINING, "training/x/mask.fasta")],
)
def test_a_file_that_waits_for_the_rest_of_its_set_is_a_duplicate_after_a_week_and_no_mail_is_sent(
    world, monkeypatch, files, key
):
    send(world, files)
    mails = world.mails
    again = send(world, {key: files[key]})
    assert (states(world, again), world.is_landed(again[key])) == ({"WAITING"}, True)
    pass_hours(world, monkeypatch, 30)
    assert states(world, again) == {"WAITING"}
    pass_hours(world, monkeypatch, PATIENCE_HOURS + 30)
    archive(world.services, again[key].id)
    assert (states(world, again), world.is_landed(again[key])) == ({"DUPLICATE"}, False)
    assert world.mails == mails


def test_a_file_that_waits_and_is_no_duplicate_has_its_mail(world, monkeypatch):
    send(world, MASKS)
    again = send(world, {FA: PLAIN}, about=ON_PURPOSE)
    new = world.take("masked/y.bed", MASKS[BED])
    pass_hours(world, monkeypatch, 30)
    assert [new.key in mail["Message"] for mail in world.mails] == [True]
    pass_hours(world, monkeypatch, PATIENCE_HOURS + 60)
    assert (states(world, again), len(world.mails)) == ({"WAITING"}, 2)


def test_a_job_that_names_an_earlier_training_is_a_duplicate_although_its_data_files_are_sent_again(world):
    first = send(world, TRAINING)
    job = f'reuse = "{first[HEAD].id}"\n'.encode() + PROTEINS["job.toml"]
    send(world, {HEAD: job})
    attempts = world.attempts
    again = send(world, TRAINING | {HEAD: job}, sorted(TRAINING, key=lambda key: key == HEAD))
    assert world.states(again[HEAD]) == ["DUPLICATE"]
    assert (world.attempts, states(world, again) <= {"DUPLICATE", "WAITING"}) == (attempts, True)
    assert world.mails == []


def test_a_training_can_reuse_data_files_that_were_duplicates(world):
    send(world, TRAINING)
    second = send(world, TRAINING | {HEAD: CHANGED[HEAD]})
    job = f'reuse = "{second[HEAD].id}"\n'.encode() + PROTEINS["job.toml"]
    third = send(world, {HEAD: job})
    assert (states(world, third), len(world.ledger.attempts(third[HEAD].id))) == ({"ARCHIVED"}, 1)


@pytest.mark.parametrize("name", SETS_OF_ONE_ATTEMPT)
def test_if_the_copy_of_one_member_is_gone_the_whole_set_is_processed_again(world, name):
    files = SETS[name]
    first = send(world, files)
    attempts, lost = world.attempts, next(iter(first))
    world.account.s3.delete("archive", world.upload(first[lost]).archive_key)
    again = {key: world.take(key, files[key]) for key in sorted(files, key=lambda key: key == FA)}
    archive(world.services, again[lost].id)
    assert all(map(world.is_landed, again.values()))
    world.deliver()
    world.finish(*again.values())
    assert {key: world.upload(again[key]).state for key in files} == {
        key: "ARCHIVED" if key == lost else "DUPLICATE" for key in files
    }
    assert world.attempts == attempts + 1


def test_after_the_removal_of_one_member_began_another_without_a_copy_is_archived_itself(world):
    first = send(world, MASKS)
    attempts = world.attempts
    again = {key: world.take(key, MASKS[key]) for key in (BED, FA)}
    archive(world.services, again[FA].id)
    world.account.s3.delete("archive", world.upload(first[BED]).archive_key)
    archive(world.services, again[BED].id)
    assert world.states(again[FA], again[BED]) == ["DUPLICATE", "ARCHIVED"]
    assert world.attempts == attempts


def test_the_marker_and_the_manifest_of_a_run_are_duplicates(world):
    manifest = json.dumps({"files": [{"name": "a.fastq"}]}).encode()
    run = {"raw/r/a.fastq": fastq(1), "raw/r/CopyComplete.txt": b"", "raw/r/seqdrop-manifest.json": manifest}
    assert states(world, send(world, run)) == {"ARCHIVED"}
    copies = world.copies
    for order in sample_orders(run):
        assert states(world, send(world, run, order)) == {"DUPLICATE"}
    assert world.copies == copies


def test_a_rejected_file_that_is_sent_again_is_rejected_again(world):
    bad = MATES[R1].replace(b"@read1", b"read1", 1)
    versions = [world.take("reads/a.fastq", bad) for _ in range(2)]
    assert world.states(*versions) == ["REJECTED"] * 2
    assert all(map(world.is_landed, versions))


def test_a_file_whose_attempt_failed_is_tried_again_if_it_is_sent_again(world):
    first = world.take("reads/a.fastq", MATES[R1])
    (attempt,) = world.ledger.attempts(first.id)
    world.ledger.move(attempt, "FAILED", reason="broken")
    second = world.process("reads/a.fastq", MATES[R1])
    assert world.states(first, second) == ["VALIDATED", "ARCHIVED"]
