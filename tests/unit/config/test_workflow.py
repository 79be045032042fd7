"""The table [analyses.NAME.workflow]: what it may say, what contradicts it, and the plan of an attempt."""

import pytest
from seqdrop.config.documents import ConfigFileError
from seqdrop.config.workflow import fill_placeholders
from seqdrop.kinds.registry import from_json, parse

BASE = '[analyses.a]\nprefix = "a/"\nformats = ["fastq"]\nmax_gb = 1\n'
ARN = "arn:aws:omics:us-east-1:111122223333:workflow/1234567"


def workflow_of(table: str, more: str = 'mates = "wait"\n'):
    return parse(f"{BASE}{more}[analyses.a.workflow]\n{table}").by_name["a"]


def faults_of(table: str, more: str = 'mates = "wait"\n') -> list[str]:
    with pytest.raises(ConfigFileError) as raised:
        workflow_of(table, more)
    return [fault.message for fault in raised.value.faults]


def test_an_id_is_enough():
    analysis = workflow_of('id = "1234567"\n')
    assert (analysis.kind.name, analysis.has_model, analysis.has_attempts) == ("omics", False, True)
    assert (analysis.workflow.workflow_id, analysis.workflow.owner, analysis.workflow.per) == ("1234567", "", "sample")


def test_an_arn_names_the_owner():
    workflow = workflow_of(f'id = "{ARN}"\n').workflow
    assert (workflow.workflow_id, workflow.owner) == ("1234567", "111122223333")


def test_a_plan_has_the_workflow_and_survives_a_changed_file():
    analysis = workflow_of('id = "1234567"\nversion = "v2"\nparameters = { a = ["{files}", { b = 1.5 }] }\n')
    assert from_json(analysis.as_json()) == analysis
    assert list(from_json(analysis.as_json()).workflow.columns) == ["sample", "fastq_1", "fastq_2"], "in their order"
    assert '"workflow"' not in parse(BASE).by_name["a"].as_json()


@pytest.mark.parametrize(
    ("table", "more", "expected"),
    [
        ("", "", 'workflow.id is missing; it must be the id or the ARN of a workflow of HealthOmics, or "samplesheet"'),
        ('id = "x"\n', "", 'workflow.id is "x"; it must be'),
        ('id = "1"\nper = "run"\n', "", 'workflow.per is "run", which needs gate = "run"'),
        ('id = "1"\n', 'mates = "check"\n', 'mates is "check", so a sample may start without its mate'),
        ('id = "1"\n', 'gate = "run"\nmarkers = ["x"]\n', "markers is not for an analysis with a workflow"),
        ('id = "samplesheet"\n', "", "keep_days is 0; your launcher reads the files later"),
        (
            'id = "samplesheet"\nparameters = { a = 1 }\n',
            "keep_days = 1\n",
            "parameters is for a workflow of HealthOmics",
        ),
        ('id = "1"\nparameters = { a = "{fils}" }\n', "", "parameters has the placeholder {fils}"),
        ('id = "1"\ncolumns = { a = "{files}" }\n', "", "columns has the placeholder {files}"),
        ('id = "1"\nparameters = { a = 2026-01-01 }\n', "", "it must be a table of texts, numbers"),
        ('id = "1"\nstorage_gb = 5\n', "", 'storage_gb is for storage = "STATIC"'),
        ('id = "1"\ntype = "READY2RUN"\nversion = "v"\n', "", "version is for a PRIVATE workflow"),
        (
            'id = "1"\nper = "run"\nparameters = { a = "{sample}" }\n',
            'gate = "run"\n',
            'parameters has {sample}, which is of one sample, but per is "run"',
        ),
        ('id = "1"\n', 'model = "m"\n', "model is for an analysis with a model, not for an analysis with a workflow"),
    ],
)
def test_what_contradicts_itself_is_named(table, more, expected):
    assert any(expected in message for message in faults_of(table, more)), faults_of(table, more)


def test_placeholders_become_texts_and_lists():
    values = {"files": ["s3://b/1", "s3://b/2"], "sample": "S1"}
    template = {"in": "{files}", "name": "x-{sample}", "n": 3, "deep": [{"s": "{sample}"}]}
    filled = {"in": ["s3://b/1", "s3://b/2"], "name": "x-S1", "n": 3, "deep": [{"s": "S1"}]}
    assert fill_placeholders(template, values) == filled
    with pytest.raises(ValueError, match="must be the whole text"):
        fill_placeholders("a {files}", values)
