"""The published JSON Schemas are those of the code, and never stricter than the code."""

import json
import re
import tomllib

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from seqdrop.config.analyses import Analysis
from seqdrop.config.documents import ConfigFileError, FileFault
from seqdrop.config.job_settings import JobSettings
from seqdrop.kinds.registry import KINDS, parse
from seqdrop.training import jobfile
from seqdrop_cli.schemas import SCHEMAS, render_schema

SCHEMA = {name: make() for name, make in SCHEMAS.items()}
ENTRY = SCHEMA["analyses"]["properties"]["analyses"]["additionalProperties"]


def accepts(name: str, document: dict) -> bool:
    return Draft7Validator(SCHEMA[name]).is_valid(document)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_what_the_code_makes(repository, name):
    command = f"seqdrop config schema {name} > docs/schemas/{name}.schema.json"
    assert (repository / f"docs/schemas/{name}.schema.json").read_text() == render_schema(name), f"run: {command}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_editors_can_read_the_schemas(name):
    """taplo reads draft 7, and completes no keys of a table with `allOf`."""
    Draft7Validator.check_schema(SCHEMA[name])
    assert SCHEMA[name]["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert '"allOf"' not in render_schema(name)


def test_the_packaged_file_is_valid_by_the_schema_that_it_names(repository):
    text = (repository / "analyses.toml").read_text()
    assert accepts("analyses", tomllib.loads(text))
    path = re.match(r"#:schema (\./\S+)\n", text)[1]
    assert json.loads((repository / path).read_text()) == SCHEMA["analyses"]


def test_examples_in_the_docs_are_valid(repository):
    """Each job.toml in the docs is read unchanged."""
    jobs = []
    for page in ("training.md", "distribution.md"):
        for block in re.findall(r"```toml\n(.*?)```", (repository / "docs" / page).read_text(), re.DOTALL):
            if "[data]" in block:
                jobs.append(jobfile.read(block))
                assert accepts("job", tomllib.loads(block))
    assert jobs


def test_every_setting_is_described_and_has_its_rule():
    """The descriptions are the texts under the fields of the dataclasses."""
    tables = [ENTRY, ENTRY["properties"]["job"], SCHEMA["analyses"]["properties"]["validation"], SCHEMA["job"]]
    tables += [table for table in SCHEMA["job"]["properties"].values() if table["type"] == "object"]
    count = 0
    for table in tables:
        for name, schema in table["properties"].items():
            for choice in schema.get("anyOf", [schema]):
                count += 1
                assert len(choice["description"]) > 10, name
                assert choice.keys() & {"type", "enum", "const"}, name
    assert count > 60


def test_bounds_words_patterns_and_defaults_are_those_of_the_rules():
    entry = ENTRY["properties"]
    assert entry["k"] | {"description": ""} == {"type": "integer", "minimum": 3, "maximum": 6, "description": ""}
    assert entry["prior"] | {"description": ""} == {
        "description": "",
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
    }
    assert (entry["mates"]["enum"], entry["mates"]["default"]) == (["wait", "check", "single"], "single")
    assert entry["formats"]["items"]["enum"] == ["fastq", "fasta", "bam", "training", "any"]
    assert entry["job"]["properties"]["max_members"]["maximum"] == 98
    assert entry["severity"]["properties"]["truncated"]["const"] == "error"
    assert entry["severity"]["properties"]["crlf"]["default"] == "warning"
    assert ENTRY["required"] == ["prefix", "formats", "max_gb"]
    assert [choice["minimum"] for choice in entry["window"]["anyOf"]] == [3, 1]


COMMON = {"prefix": "a/", "formats": ["fasta"], "max_gb": 1}
WINDOWS = COMMON | {"model": "m", "k": 6, "window": 70, "stride": 70, "strands": "+", "max_n_fraction": 0.1}
VALID = {
    "promoter": WINDOWS | {"threshold": 0.5, "label": "x"},
    "masked": WINDOWS | {"task": "masked"},
    "embed": WINDOWS | {"task": "embed", "window": 300, "stride": 300},
    "structure": COMMON | {"alphabet": "protein", "model": "m"},
    "protein_embed": COMMON | {"alphabet": "protein", "model": "m", "task": "embed"},
    "keep": COMMON,
    "omics": COMMON | {"workflow": {"id": "1234567", "parameters": {"input": "{samplesheet}"}}},
    "train": COMMON | {"formats": ["training"]},
}


def faults_of(text: str) -> list[FileFault]:
    try:
        parse(text)
    except ConfigFileError as error:
        return error.faults
    return []


def document(kind: str, entry: dict) -> dict:
    return {"analyses": {"training" if kind == "train" else "a": entry}}


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_of_each_kind_is_valid(kind):
    assert VALID.keys() == KINDS.keys()
    assert accepts("analyses", document(kind, VALID[kind]))
    assert parse(tomlkit.dumps(document(kind, VALID[kind])))


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_other_kinds_are_not_valid(kind):
    own = set(KINDS[kind].settings.rules()) if KINDS[kind].settings else set()
    own |= {"workflow"} if KINDS[kind].runs_workflow else set()
    strange = {key: VALID[other][key] for other in VALID for key in VALID[other].keys() - COMMON.keys() - own}
    strange = {key: value for key, value in strange.items() if key not in ("task", "alphabet")}
    for key, value in ({"overlap": 3} | strange).items():
        if key not in own and KINDS[kind].name != "keep":  # a model's setting makes it an analysis with a model
            assert not accepts("analyses", document(kind, VALID[kind] | {key: value})), key


WORDS = [
    "",
    "+",
    "+-",
    "skip",
    "score",
    "fp32",
    "wait",
    "check",
    "single",
    "run",
    "dna",
    "protein",
    "embed",
    "masked",
    "a/",
]
VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([0, 1, 3, 6, 70, 98, 99, 1_000_001, -1, 0.5, 1.5, True, False]),
    st.lists(st.sampled_from(["fastq", "fasta", "bam", "training", "cram"]), max_size=2),
    st.dictionaries(st.sampled_from([*JobSettings.rules(), "crlf", "truncated"]), st.sampled_from([1, 99, "error"])),
)
KEYS = sorted(
    {*Analysis.rules(), "task", "job", "severity", "wndow"}.union(*(entry.keys() for entry in VALID.values()))
)


@given(
    st.sampled_from(list(VALID)),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
    st.sets(st.sampled_from(KEYS), max_size=1),
)
def test_the_schema_accepts_every_entry_that_the_pipeline_accepts(kind, changes, dropped):
    """Every entry that the pipeline refuses has faults on lines of the file."""
    entry = {key: value for key, value in (VALID[kind] | changes).items() if key not in dropped}
    content = document(kind, entry)
    text = tomlkit.dumps(content)
    if faults := faults_of(text):
        assert all(0 < fault.line <= text.count("\n") + 1 for fault in faults)
    else:
        assert accepts("analyses", content)
