"""What events say: what their schemas describe, no names unless the lab wants them, and the ids of the lab's LIMS."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from seqdrop.archive.restore_plan import PlannedFile, PlannedObject
from seqdrop.aws.event_bus import make_entry, put_entries
from seqdrop.bus.details import PART
from seqdrop.bus.types import TYPES, Happening, find_happenings
from seqdrop.ledger.records import Upload
from seqdrop.ledger.restore_records import RestoreRequest
from seqdrop.ledger.run_record import Run, run_id
from seqdrop.stages.landed import record
from seqdrop.stages.reconcile.event_details import Describer
from seqdrop.uploads import UploadVersion

from tests.support.event_bus import Bus
from tests.unit.stages.reconcile.publishing_world import World

NAME = "MuellerAnna"
FOLDER = "runs/260101_A00123_0045_BHXX/"


@pytest.fixture(scope="module")
def schemas(repository) -> dict[str, dict]:
    pages = [json.loads(path.read_text()) for path in (repository / "docs/schemas/events").glob("*.json")]
    return {schema["title"]: schema for schema in pages}


@pytest.fixture
def world(monkeypatch) -> World:
    world = World(3, monkeypatch)
    for _ in range(1000):
        world.step()
    return world


def describe(world: World, names: str = "false") -> list[dict]:
    services = replace(world.services, settings=replace(world.services.settings, event_names=names))
    records = [world.ledger.reread(each) for each in world.keys]
    happenings = [happening for each in records for happening in find_happenings(each, "")]
    return [detail for happening in happenings for detail in Describer(services).describe(happening)]


def test_there_is_a_schema_for_each_type_and_the_page_lists_it(schemas, repository):
    assert set(schemas) == set(TYPES.values())
    page = (repository / "docs/events.md").read_text()
    assert all(f"| `{type_}` |" in page for type_ in schemas)


@pytest.mark.parametrize("names", ["true", "false"])
def test_each_event_is_valid_and_has_no_field_that_its_schema_does_not_describe(world, schemas, names):
    details = describe(world, names)
    assert {detail["type"] for detail in details} == set(TYPES.values())
    for detail in details:
        Draft202012Validator(schemas[detail["type"]]).validate(detail)
        assert detail.keys() <= schemas[detail["type"]]["properties"].keys()


def test_names_are_left_out_unless_the_lab_wants_them(world):
    keys = [each.key for each in world.keys if each.kind == "upload"]
    assert not [key for key in keys if key in json.dumps(describe(world))]
    assert {detail["key"] for detail in describe(world, "true") if "key" in detail} <= set(keys)
    closed, opened = (json.dumps(describe(world, names)) for names in ("false", "true"))
    assert ("runs/r" in closed, "runs/r" in opened) == (False, True)
    assert ("out of memory" in closed, "out of memory" in opened) == (False, True)


class TestLimsIds:
    """Ids from tags, from user metadata, and from the sheet of a run."""

    @pytest.fixture
    def with_bus(self, services):
        return replace(services, settings=replace(services.settings, event_bus="bus"))

    def drop(self, services, **how) -> UploadVersion:
        response = services.s3.put_object(Bucket="landing", Key="reads/a.fastq", Body=b"x", **how)
        return UploadVersion("landing", "reads/a.fastq", response["VersionId"], 1, "e", "0")

    @pytest.mark.parametrize(
        ("tag", "metadata", "expected"),
        [
            ("LIMS-1", {}, "LIMS-1"),
            ("", {"lims-id": " LIMS-2 "}, "LIMS-2"),
            ("LIMS-1", {"lims-id": "LIMS-2"}, "LIMS-1"),
            ("", {}, ""),
        ],
    )
    def test_a_new_record_has_the_id_of_its_object(self, with_bus, tag, metadata, expected):
        tags = [{"Key": "other", "Value": "x"}, *([{"Key": "lims-id", "Value": tag}] if tag else [])]
        with_bus.s3.get_object_tagging = lambda **_: {"TagSet": tags}
        assert record(with_bus, self.drop(with_bus, Metadata=metadata)).lims_id == expected

    def test_without_a_bus_it_is_not_asked_for(self, services):
        assert record(services, self.drop(services, Metadata={"lims-id": "LIMS-2"})).lims_id == ""

    def test_an_object_that_is_gone_has_none(self, with_bus):
        version = self.drop(with_bus, Metadata={"lims-id": "LIMS-2"})
        with_bus.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
        assert record(with_bus, version).lims_id == ""

    def test_files_and_runs_have_those_of_the_sheet(self, world):
        rows = [{"sample_id": NAME, "files": {"R1": [f"Data/{NAME}_S1_L001_R1_001.fastq.gz"]}}]
        part = {"folder": "", "samples": rows, "lims_ids": {NAME: "LIMS-7", "other": "LIMS-8"}}
        key = f"runs/sequencer/{FOLDER.split('/')[1]}/run.json"
        world.services.put_json("results", key, {"parts": [part, {"folder": "2", "samples": []}]})
        run = replace(Run.of_folder("landing", FOLDER, "sequencer"), state="COMPLETE")
        (detail,) = Describer(world.services).describe(Happening(run, "COMPLETE", "2026-01-01T00:00:00.000Z"))
        assert detail["lims_ids"] == ["LIMS-7", "LIMS-8"]
        assert NAME not in json.dumps(detail)


def test_a_large_restore_is_several_events_and_one_request_holds_them(world, schemas):
    item = PlannedObject("archive", "a.tar", "v", "DEEP_ARCHIVE", 1)
    uploads = [f"{number:026d}".translate(str.maketrans("0189", "ABCD")) for number in range(2 * PART + 1)]
    files = [PlannedFile(upload, "k", "fastq", 1, "", 0, True, item) for upload in uploads]
    body = "".join(json.dumps({**vars(file), "object": vars(item)}) + "\n" for file in files).encode()
    world.services.s3.put_object(Bucket="results", Key="restores/r1/files.jsonl", Body=body)
    request = RestoreRequest("RESTORED", id="r1", files=len(files), until="2026-01-09T00:00:00Z")
    details = Describer(world.services).describe(Happening(request, "RESTORED", "2026-01-01T00:00:00.000Z"))
    assert [detail["part"] for detail in details] == [1, 2, 3]
    assert len({detail["id"] for detail in details}) == 3
    assert [upload for detail in details for upload in detail["uploads"]] == uploads
    for detail in details:
        Draft202012Validator(schemas["upload.restored"]).validate(detail)
    bus = Bus()
    put_entries(bus, [make_entry("bus", "seqdrop", detail["type"], detail) for detail in details * 20])
    assert len(bus.archive) == 60


def test_the_run_of_an_upload_is_the_id_in_run_json(world):
    prefix = next(each.prefix for each in world.services.analyses.by_name.values() if each.has_runs)
    folder = f"{prefix}260101_A00123_0045_BHXX/"
    version = UploadVersion("landing", f"{folder}RunInfo.xml", "v", 1, "e", "0")
    upload = Upload.from_version(version, "sequencer")
    (detail,) = Describer(world.services).describe(Happening(upload, "VALIDATED", "2026-01-01T00:00:00.000Z"))
    assert detail["run"] == run_id("landing", folder)
