"""Codes agree with their documentation, reports with their schema and types, and MultiQC files with reports."""

import io
import json
import re
from importlib.resources import files

import jsonschema
import pytest
from seqdrop.reads.check import Reading
from seqdrop.reads.codes import CODES
from seqdrop.reads.multiqc import make_custom_content
from seqdrop.report import schema

from tests.unit.reads.planting import fastq

SCHEMA = json.loads(files("seqdrop.reads").joinpath("qc.schema.json").read_text())


def report(body: bytes) -> dict:
    reading = Reading(io.BytesIO(body), ["fastq", "fasta"])
    reading.run()
    return reading.report()


BODIES = {
    "short reads": b"".join(b"".join(record) for record in fastq(50, lambda index: 100 + index % 7)),
    "long reads": b"".join(b"".join(record) for record in fastq(5, lambda index: 3000 * index)),
    "no bases": b"@a\n\n+\n\n",
    "fasta": b">a\nACGTN\nACG\n>b\nacgtRY\n",
    "rna": b">a\nACGUN\nACG\n>b\nacguRY\n",
    "rna and dna": b"@a\nACGUt\n+\nIIIII\n",
}


def test_the_documentation_lists_the_codes_and_their_severities(repository):
    page = (repository / "docs" / "formats.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\w+)( \(fixed\))? \|", page, re.MULTILINE)
    assert listed == [(c.name, c.severity, " (fixed)" if c.fixed else "") for c in CODES.values()]


def test_important_codes_have_the_specified_severity():
    by_severity = {name: code.severity for name, code in CODES.items()}
    errors = ("empty_name", "duplicate_name", "plus_name_differs", "empty_file", "bgzf_no_eof")
    assert {by_severity[name] for name in errors} == {"error"}
    assert {by_severity[name] for name in ("crlf", "empty_sequence", "phred64_suspected")} == {"warning"}


def test_every_fixed_code_is_an_error():
    assert {code.severity for code in CODES.values() if code.fixed} == {"error"}


@pytest.mark.parametrize("name", BODIES)
def test_the_report_follows_its_schema(name):
    content = report(BODIES[name])
    jsonschema.validate(content["qc"], SCHEMA)
    json.dumps(content)


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        (schema.Qc, ()),
        (schema.BaseCounts, ("base_counts",)),
        (schema.QualityEncoding, ("quality_encoding",)),
        (schema.Positions, ("positions",)),
        (schema.Bins, ("bins",)),
        (schema.Origin, ("origin",)),
    ],
)
def test_the_types_have_the_keys_of_the_schema(typed, path):
    described = SCHEMA["properties"][path[0]] if path else SCHEMA
    assert set(typed.__annotations__) == set(described["required"]) == set(described["properties"])


def test_the_type_of_a_report_has_the_keys_of_a_report():
    assert set(schema.FileReport.__annotations__) == set(report(BODIES["fasta"]))


def test_multiqc_files_have_the_figures_of_each_sample():
    content = make_custom_content({name: report(body) for name, body in BODIES.items()})
    assert all(name.endswith("_mqc.json") for name in content)
    assert content["seqdrop_general_mqc.json"]["data"]["short reads"]["reads"] == 50
    assert set(content["seqdrop_quality_mqc.json"]["data"]) == {"short reads", "long reads", "rna and dna"}
    assert content["seqdrop_lengths_mqc.json"]["data"]["no bases"] == {0: 1}
    json.dumps(content)
