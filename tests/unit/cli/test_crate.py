"""`seqdrop crate`: a document of RO-Crate's form whose every reference leads somewhere, and whose digests are true."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from seqdrop.aws import keys
from seqdrop.ledger.records import Attempt

from tests.support.aws.direct import Client
from tests.unit.stages.forget.test_forget import BODY, World

MODEL = {"name": "promoter-70", "archive": "models/promoter-70/x/model.tar.gz", "sha256": "ab" * 32}
SUMMARY = {"seqdrop": "0.3.0", "model": MODEL}


@pytest.fixture
def world(monkeypatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def crate(world, use_target, seqdrop, tmp_path):
    """Two archived files of a run, one with the results of two attempts; a file of the first was fetched."""
    upload = world.add("raw/r7/S1 é.fastq")
    world.add("raw/r7/S2.fastq", BODY.replace(b"A", b"C"))
    world.add("raw/other/S3.fastq", BODY.replace(b"A", b"G"))
    for number in (1, 2):
        world.ledger.create(Attempt("PLANNED", upload_id=upload, analysis="raw", number=number))
        for state in ("SUBMITTED", "PREDICTED"):
            world.ledger.move(world.ledger.attempts(upload)[number - 1], state)
        for name, body in (("summary.json", json.dumps(SUMMARY)), ("calls.bed", "x")):
            world.account.s3.put("results", keys.result("raw", upload, number, name), body.encode())
    place = tmp_path / "out"
    (place / "raw/r7/S1 é.fastq").mkdir(parents=True)
    (place / "raw/r7/S1 é.fastq/calls.bed").write_text("x")
    use_target(
        SimpleNamespace(ledger=lambda: world.ledger, client=lambda name: Client(world.account, name), results="results")
    )
    outcome = seqdrop("crate", "raw/r7", "--to", str(place), "--license", "https://example.org/license")
    assert outcome.status == 0
    return place, json.loads((place / "ro-crate-metadata.json").read_text())


def by_id(document: dict) -> dict[str, dict]:
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(entities) == len(document["@graph"])
    return entities


def list_references(value) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(list_references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["@id"]} if value.keys() == {"@id"} else set()
    return own.union(*(list_references(part) for part in value.values()))


def test_it_has_the_entities_that_the_specification_requires(crate):
    _, document = crate
    entities = by_id(document)
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert document["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert root.keys() >= {"name", "description", "datePublished", "license", "hasPart"}
    parts = {part["@id"] for part in root["hasPart"]}
    assert parts == {id_ for id_, entity in entities.items() if entity["@type"] == "File"}


def test_every_reference_leads_to_an_entity(crate):
    _, document = crate
    elsewhere = {"https://w3id.org/ro/crate/1.1", "http://schema.org/CompletedActionStatus"}
    assert list_references(document["@graph"]) - elsewhere <= by_id(document).keys()


def test_relative_files_are_there_and_others_are_urls(crate):
    place, document = crate
    files = [id_ for id_, entity in by_id(document).items() if entity["@type"] == "File"]
    relative = [id_ for id_ in files if not id_.startswith("s3://")]
    assert [unquote(id_) for id_ in relative] == ["raw/r7/S1 é.fastq/calls.bed"]
    assert all((place / unquote(id_)).is_file() for id_ in relative)
    assert all(id_.isascii() and " " not in id_ for id_ in files)


def test_the_lineage_leads_from_results_to_raw_bytes_and_the_model(crate):
    _, document = crate
    entities = by_id(document)
    raw = [entity for entity in entities.values() if "identifier" in entity and entity["@type"] == "File"]
    assert {entity["name"] for entity in raw} == {"raw/r7/S1 é.fastq", "raw/r7/S2.fastq"}
    assert hashlib.sha256(BODY).hexdigest() in {entity["sha256"] for entity in raw}
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert [action["name"] for action in actions] == ["raw, attempt 1", "raw, attempt 2"]
    for action in actions:
        (source,) = action["object"]
        assert entities[source["@id"]]["name"] == "raw/r7/S1 é.fastq"
        assert len(action["result"]) == 2
        software = {entities[each["@id"]]["name"]: entities[each["@id"]] for each in action["instrument"]}
        assert software["Seqdrop"]["softwareVersion"] == "0.3.0"
        assert software["promoter-70"]["sha256"] == MODEL["sha256"]


def test_a_folder_without_uploads_is_an_error(world, use_target, seqdrop, tmp_path):
    use_target(
        SimpleNamespace(ledger=lambda: world.ledger, client=lambda name: Client(world.account, name), results="x")
    )
    outcome = seqdrop("crate", "raw/none", "--to", str(tmp_path))
    assert outcome.status != 0
    assert "no upload below raw/none/" in outcome.err


@pytest.mark.long
def test_the_validator_of_ro_crate_accepts_it(crate):
    """It reads its profiles from the package, and the context from the network."""
    place, _ = crate
    validator = shutil.which("rocrate-validator")
    if validator is None:
        pytest.skip("rocrate-validator (PyPI: roc-validator) is not installed")
    command = [validator, "-y", "validate", "--profile-identifier", "ro-crate-1.1", str(place)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if "Max retries" in outcome.stdout + outcome.stderr or "NameResolution" in outcome.stdout + outcome.stderr:
        pytest.skip("rocrate-validator needs a network for the context of RO-Crate")
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-1000:]
