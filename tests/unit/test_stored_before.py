"""This version reads the data that an earlier version has stored, and loses no field.

The golden file was written by that version itself (tests/e2e/upgrade/golden.py); tests/e2e/test_upgrade.py deploys over
it. If you change how something is stored, keep the code that reads the earlier form, and these tests.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from seqdrop.config.analyses import TRAINING
from seqdrop.kinds.plans import attempts_of, from_json
from seqdrop.ledger import earlier_sets
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.moves import ATTEMPT, ENDS, JOB, OPEN, RUN, UPLOAD
from seqdrop.ledger.records import Upload
from seqdrop.ledger.run_record import Run
from seqdrop.models.archives import current_archive
from seqdrop.models.code_bundles import current_code, current_program
from seqdrop.models.registry import Version, current_candidate, make_current
from seqdrop.stages.archive.receipts import make_receipt
from seqdrop.training.data.prepare import Prepared
from seqdrop.training.request import Order
from seqdrop.work import examination

GOLDEN = Path(__file__).parents[1] / "contract/golden/stored_by_157adf1.json"
STORED = json.loads(GOLDEN.read_text())
ITEMS, OBJECTS = STORED["items"], STORED["objects"]
RECORDS = [item for item in ITEMS if "kind" in item]
# Functions that read a record without a state, by its sort key.
WITHOUT_STATE = {
    "PAIR": lambda ledger, item: ledger.file_set(earlier_sets.MATES, item["name"]),
    "SET": lambda ledger, item: ledger.file_set(earlier_sets.TRAINING, item["name"]),  # and earlier_sets.MASKS
    "RUN": lambda ledger, item: ledger.file_set(earlier_sets.RUNS, item["folder"]),
    "ROOM": lambda ledger, item: ledger.job_slots(),
    "POSITION": lambda ledger, item: ledger.position(item["name"]),
}


# Settings that stored plans contain although they never applied to the kind.
NEVER_APPLIED = {"embed": {"prior", "threshold", "label", "tracks", "distance"}} | {
    "masked": {"prior", "threshold", "label", "tracks", "distance", "collapse", "seed", "max_reads"}
}


def name_item(item: dict) -> str:
    return item["pk"] + " " + item["sk"]


def list_keys(prefix: str) -> list[str]:
    """Return the keys of the stored objects that begin with a prefix."""
    return sorted(key for key in OBJECTS if key.startswith(prefix))


@pytest.fixture
def stored(cloud, ledger, wired_dynamodb):
    """The ledger with the items of the earlier version."""
    table = wired_dynamodb.Table(cloud.table.name)
    for item in ITEMS:
        table.put_item(Item=item)
    return ledger


@pytest.fixture
def s3(services):
    """The buckets with the objects of the earlier version."""
    for key, content in OBJECTS.items():
        bucket, _, rest = key.partition("/")
        services.s3.put_object(Bucket=bucket, Key=rest, Body=json.dumps(content).encode())
    return services.s3


def list_settings(value, name: str = "") -> set[tuple[str, str]]:
    """Return the settings of nested JSON as (name, value), without the names above them."""
    if isinstance(value, dict):
        return set().union(*(list_settings(child, key) for key, child in value.items()))
    return {(name, json.dumps(value, sort_keys=True))}


def test_the_file_has_each_kind_of_record_in_each_state():
    assert {item["sk"].split("#")[0] for item in ITEMS} == {"UPLOAD", "ATTEMPT", "JOB", *WITHOUT_STATE}
    states = {(item["kind"], item["state"]) for item in RECORDS}
    assert states >= {(UPLOAD, state) for state in ("RECEIVED", "WAITING", "VALIDATED", "ARCHIVED", "REJECTED")}
    assert states >= {
        (ATTEMPT, state) for state in ("PLANNED", "WAITING", "SUBMITTED", "FAILED", "PREDICTED", "TRAINED")
    }
    assert states >= {(JOB, state) for state in ("PLANNED", "STARTED", "DONE", "FAILED")}
    assert {item["task"] for item in RECORDS if item["kind"] == JOB} == {"transform", "examine", "train"}
    analyses = {item["analysis"] for item in RECORDS if item["kind"] == ATTEMPT}
    assert analyses == {"reads", "contigs", "masked", "embed", "proteins", "gated", "training"}


@pytest.mark.parametrize("item", RECORDS, ids=name_item)
def test_a_record_keeps_every_field(stored, item):
    read = {
        UPLOAD: lambda: stored.find_upload(item["id"]),
        ATTEMPT: lambda: stored.find_attempt(f"{item['upload_id']}-{item['analysis']}-{item['number']}"),
        JOB: lambda: stored.find_job(item["name"]),
    }
    record = read[item["kind"]]()
    assert item.items() <= record.item().items()
    assert record in list(stored.in_state(item["kind"], item["state"]))


@pytest.mark.parametrize("item", [item for item in ITEMS if "kind" not in item], ids=name_item)
def test_a_record_without_a_state_keeps_every_field(stored, item):
    record = WITHOUT_STATE[item["sk"]](stored, item)
    assert item.items() <= record.item().items()


@pytest.mark.parametrize("item", [item for item in RECORDS if item.get("plan")], ids=name_item)
def test_a_plan_keeps_every_setting(item):
    if item["analysis"] == TRAINING:
        read = Order.from_json(item["plan"])
        assert list_settings(json.loads(item["plan"])) <= list_settings(json.loads(read.as_json()))
        return
    analysis = from_json(item["plan"])
    lost = list_settings(json.loads(item["plan"])) - list_settings(json.loads(analysis.as_json()))
    assert {name for name, _ in lost} <= NEVER_APPLIED.get(analysis.kind.name, set())
    assert from_json(analysis.as_json()) == analysis


@pytest.mark.parametrize("key", list_keys("work/examinations/"))
def test_an_examination_keeps_every_field(s3, key):
    loaded = examination.load(s3, "work", key.rsplit("/", 1)[1].removesuffix(".json"), OBJECTS[key]["number"])
    assert OBJECTS[key].items() <= asdict(loaded).items()
    assert [attempt.plan for attempt in attempts_of(loaded, "reads/S1.fastq")] == (
        [loaded.plan] if json.loads(loaded.plan)["use"] else []
    )


@pytest.mark.parametrize("key", [key for key in list_keys("work/training/") if key.endswith("prepared.json")])
def test_prepared_data_keeps_every_field(key):
    content = OBJECTS[key]["prepared"]
    assert list_settings(content) <= list_settings(json.loads(json.dumps(Prepared(**content).as_dict())))


@pytest.mark.parametrize("key", [key for key in list_keys("results/models/") if key.endswith("current.json")])
def test_the_pointer_of_a_model_is_read(s3, key):
    model, pointer = key.split("/")[2], OBJECTS[key]["current"]
    archive = current_archive(s3, "results", model)
    assert (archive.key, archive.digest, list(archive.labels)) == (pointer["key"], pointer["digest"], pointer["labels"])
    assert archive.calibration == pointer["calibration"]
    gate = current_candidate(s3, "results", model)
    assert (gate.task, gate.figure) == (pointer.get("task", ""), pointer.get("figure"))


def test_a_trained_version_can_be_made_current_and_earlier_ones_are_kept(s3):
    key = "results/models/structure/current.json"
    content = OBJECTS[key]
    trained = content["current"]["version"]
    seed = content["history"][-1]
    s3.put_object(
        Bucket="results", Key=key.partition("/")[2], Body=json.dumps({"current": seed, "history": []}).encode()
    )
    make_current(s3, "results", Version("structure", trained), "2027-01-01T00:00:00.000Z")
    pointer = json.loads(s3.get_object(Bucket="results", Key=key.partition("/")[2])["Body"].read())
    same = {name: value for name, value in content["current"].items() if name != "since"}
    assert same.items() <= pointer["current"].items()
    assert pointer["history"] == [seed]


def test_the_pointers_of_code_are_read(s3):
    pointer = OBJECTS["results/processing/current.json"]["current"]
    assert asdict(current_code(s3, "results")).items() <= pointer.items()
    for program in ("protein", "dnabert"):
        pointer = OBJECTS[f"results/training/{program}/current.json"]["current"]
        assert asdict(current_program(s3, "results", program)).items() <= pointer.items()


def list_names(value: dict, above: str = "") -> set[str]:
    """Return the names in nested JSON, each with the names above it."""
    result = {f"{above}{key}" for key in value}
    return result.union(
        *(list_names(child, f"{above}{key}.") for key, child in value.items() if isinstance(child, dict))
    )


@pytest.mark.parametrize("key", list_keys("results/receipts/"))
def test_receipts_keep_every_field(stored, key):
    content = OBJECTS[key]
    upload = next(stored.find_upload(item["id"]) for item in RECORDS if item["kind"] == UPLOAD)
    assert list_names(content) <= list_names(make_receipt(upload, content["archive"], content["verified_at"]))


# Items of files that were sent again, as the first version that knows them stored them.
DUPLICATES = json.loads(GOLDEN.with_name("stored_duplicates.json").read_text())["items"]


def test_files_in_the_archive_and_their_duplicates_keep_every_field(cloud, ledger, wired_dynamodb):
    table = wired_dynamodb.Table(cloud.table.name)
    for item in DUPLICATES:
        table.put_item(Item=item)
    (archived,) = (item for item in DUPLICATES if item["sk"] == "ARCHIVED")
    assert ledger.archived_file(ArchivedFile(archived["name"])).item() == archived
    uploads = [item for item in DUPLICATES if item["sk"] == "UPLOAD"]
    assert {item["state"] for item in uploads} == {"VALIDATED", "DUPLICATE"}
    for item in uploads:
        assert item.items() <= ledger.find_upload(item["id"]).item().items()
        assert item["duplicate_of"] == archived["upload"]


def test_an_upload_of_an_earlier_version_repeats_none(stored):
    uploads = [stored.find_upload(item["id"]) for item in RECORDS if item["kind"] == UPLOAD]
    assert {(upload.duplicate_of, upload.removal_at, *upload.duplicates_with) for upload in uploads} == {("", "")}


def test_a_duplicate_names_no_attempt_for_which_an_earlier_version_would_wait():
    """During an upgrade, an earlier version archives it like a file without a model: a copy, and nothing is lost."""
    (item,) = (item for item in DUPLICATES if item.get("state") == "VALIDATED")
    assert not item.get("training")
    assert not item.get("masks_of")


# Runs, their files, and an examination, as the first version that knows them stored them
# (tests/unit/stages/runs/golden.py).
OF_RUNS = json.loads(GOLDEN.with_name("stored_runs.json").read_text())
RUN_ITEMS = OF_RUNS["items"]


@pytest.fixture
def stored_runs(cloud, ledger, wired_dynamodb):
    table = wired_dynamodb.Table(cloud.table.name)
    for item in RUN_ITEMS:
        table.put_item(Item=item)
    return ledger


def test_the_file_has_a_run_in_each_state_and_files_with_each_checksum():
    runs = [item for item in RUN_ITEMS if item["kind"] == RUN]
    assert {item["state"] for item in runs} == {*OPEN[RUN], *ENDS[RUN]}
    assert any(item["complete"] == ["", "Analysis/1"] for item in runs)
    uploads = [item for item in RUN_ITEMS if item["kind"] == UPLOAD]
    assert {item["state"] for item in uploads} == {"VALIDATED", "ARCHIVED"}
    assert all(item["crc32"] for item in uploads)
    assert {len(item.get("listed_value", "")) for item in uploads} == {0, 8, 32}
    assert any(item.get("md5") for item in uploads)


@pytest.mark.parametrize("number", range(len(RUN_ITEMS)), ids=[name_item(item) for item in RUN_ITEMS])
def test_a_run_and_its_files_keep_every_field(stored_runs, number):
    """Several worlds stored the same run, so each item is written before it is read."""
    item = RUN_ITEMS[number]
    stored_runs._table.put_item(Item=item)
    find = {RUN: stored_runs.find_run, UPLOAD: stored_runs.find_upload}[item["kind"]]
    record = find(item["id"])
    assert item.items() <= record.item().items()
    assert record in list(stored_runs.in_state(item["kind"], item["state"]))


def test_a_run_that_an_earlier_version_opened_releases_the_same_files():
    complete = next(item for item in RUN_ITEMS if item["kind"] == RUN and item["state"] == "COMPLETE")
    run = Run.from_item(complete)
    assert run.releases(run.folder + "Data/a.cbcl")
    assert run.releases(run.folder + "Analysis/1/Manifest.tsv")
    assert not run.releases(run.folder + "Analysis/2/Manifest.tsv")


@pytest.mark.parametrize("stored", OF_RUNS["examinations"], ids=lambda stored: stored["key"])
def test_an_examination_keeps_the_checksums_in_the_metadata_of_its_object(services, stored):
    services.s3.put_object(Bucket="work", Key=stored["key"], Body=stored["body"].encode(), Metadata=stored["metadata"])
    loaded = examination.load(services.s3, "work", stored["key"].rsplit("/", 1)[1].removesuffix(".json"))
    assert json.loads(stored["body"]).items() <= asdict(loaded).items()
    assert len(loaded.crc32) == 8
    for name, value in stored["metadata"].items():
        assert str(getattr(loaded, name)) == value


def test_a_checksum_list_is_in_the_receipt_of_a_stored_file():
    item = next(item for item in RUN_ITEMS if item.get("md5") and item["state"] == "ARCHIVED")
    receipt = make_receipt(Upload.from_item(item), {}, "2027-01-01T00:00:00.000Z")
    assert receipt["landing"]["md5"] == receipt["checksum_list"]["value"] == item["listed_value"]
    assert receipt["checksum_list"]["key"] == item["listed_by"]
