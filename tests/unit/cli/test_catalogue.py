"""`seqdrop catalogue`: answers in three forms, gene lists that are checked, and a backfill of everything once."""

from __future__ import annotations

import json
from types import SimpleNamespace

import boto3
import pytest
from seqdrop.aws import keys
from seqdrop.runtime.events import parse_catalogue_message
from seqdrop_cli import athena as athena_module
from seqdrop_cli import catalogue

ID, OTHER = "A" * 26, "B" * 26
COLUMNS = [
    {"Name": "sample", "Type": "varchar"},
    {"Name": "files", "Type": "bigint"},
    {"Name": "usd", "Type": "double"},
]


class FakeAthena:
    """Athena's responses, in its shapes: pages of queries and rows, states of a query, the titles in the first row."""

    def __init__(self):
        self.states = [{"State": "QUEUED"}, {"State": "RUNNING"}, {"State": "SUCCEEDED"}]
        self.pages = [[["sample", "files", "usd"], ["S,1", "3", "0.5"]], [["S2", "1", None]]]
        self.requests: list[dict] = []

    def list_named_queries(self, **request):
        return {"NamedQueryIds": ["2"]} if request.get("NextToken") else {"NamedQueryIds": ["1"], "NextToken": "n"}

    def batch_get_named_query(self, **request):
        names, ids = {"1": "archive", "2": "failed"}, request["NamedQueryIds"]
        return {"NamedQueries": [{"Name": names[it], "Database": "db", "QueryString": it} for it in ids]}

    def start_query_execution(self, **request):
        self.requests.append(request)
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_):
        return {"QueryExecution": {"Status": self.states.pop(0), "Statistics": {"DataScannedInBytes": 12_345_678}}}

    def get_query_results(self, **request):
        page = int(request.get("NextToken", 0))
        cells = [[{} if it is None else {"VarCharValue": it} for it in row] for row in self.pages[page]]
        more = {} if page else {"NextToken": "1"}
        rows = [{"Data": row} for row in cells]
        return {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": COLUMNS}}, **more}


@pytest.fixture
def athena(monkeypatch) -> FakeAthena:
    monkeypatch.setattr(athena_module, "POLL", 0)
    return FakeAthena()


@pytest.fixture
def target(cloud, use_target, athena):
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="CatalogueQueue")["QueueUrl"]
    clients = {"athena": athena, "sqs": sqs, "s3": boto3.client("s3")}
    queues = {"CatalogueQueue": url}
    it = SimpleNamespace(stack="lab", results="results", client=clients.__getitem__, queues=lambda: queues)
    use_target(it)
    return it


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        ("table", "S,1\t3\t0.5\nS2\t1\t\n"),
        ("csv", 'sample,files,usd\n"S,1",3,0.5\nS2,1,\n'),
    ],
)
def test_an_answer_is_printed(seqdrop, target, athena, form, printed):
    outcome = seqdrop("catalogue", "ask", "failed", "--run", "it's", "--format", form)
    assert (outcome.status, outcome.out) == (0, printed)
    assert "2 rows; the query read 12,345,678 bytes, about 0.00006 US dollars" in outcome.err
    (request,) = athena.requests
    assert (request["QueryString"], request["WorkGroup"]) == ("2", "lab")
    assert request["ExecutionParameters"] == ["'it''s'"]


def test_json_has_numbers_and_null(seqdrop, target):
    rows = json.loads(seqdrop("catalogue", "ask", "archive", "--format", "json").out)
    assert rows == [{"sample": "S,1", "files": 3, "usd": 0.5}, {"sample": "S2", "files": 1, "usd": None}]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ({"State": "FAILED", "StateChangeReason": "COLUMN_NOT_FOUND"}, "COLUMN_NOT_FOUND; trying again does not help"),
        ({"State": "FAILED", "StateChangeReason": "busy", "AthenaError": {"Retryable": True}}, "busy; try again"),
        ({"State": "CANCELLED", "StateChangeReason": "Bytes scanned limit was exceeded"}, "raise the parameter"),
    ],
)
def test_a_query_that_fails_says_what_to_do(seqdrop, target, athena, status, sentence):
    athena.states = [status]
    outcome = seqdrop("catalogue", "ask", "archive")
    assert (outcome.status, sentence in outcome.err) == (2, True), outcome.err


def test_a_query_that_is_not_saved_and_a_stack_without_a_catalogue(seqdrop, target):
    assert "deploy the stack with Catalogue=true" in seqdrop("catalogue", "ask", "models").err
    target.queues = dict
    for words in (("ask", "failed"), ("backfill",)):
        outcome = seqdrop("catalogue", *words)
        assert (outcome.status, "deploy it with Catalogue=true" in outcome.err) == (2, True)


class TestGenes:
    def test_a_list_has_six_columns(self, seqdrop, target, tmp_path):
        path = tmp_path / "liver.bed"
        path.write_text("# mine\ntrack name=x\nchr1\t0\t9\tA\nchr1\t5\t9\tB\t7\t-\t1\t2\r\n\n")
        outcome = seqdrop("catalogue", "genes", path)
        assert outcome.out.startswith("2 genes")
        body = target.client("s3").get_object(Bucket="results", Key=keys.gene_list("liver.bed"))["Body"].read()
        assert body == b"chr1\t0\t9\tA\t.\t.\nchr1\t5\t9\tB\t7\t-\n"

    @pytest.mark.parametrize("line", ["chr1\t0\t9", "chr1 0 9 A", "chr1\tx\t9\tA", "chr1\t9\t9\tA"])
    def test_a_line_that_is_no_gene_is_refused(self, seqdrop, target, tmp_path, line):
        path = tmp_path / "a.bed"
        path.write_text(f"chr1\t0\t9\tA\n{line}\n")
        outcome = seqdrop("catalogue", "genes", path)
        assert (outcome.status, "line 2 of a.bed is no gene" in outcome.err) == (2, True)


def test_a_backfill_names_each_upload_and_run_once(seqdrop, target, monkeypatch):
    monkeypatch.setattr(catalogue, "BATCH", 2)
    s3 = target.client("s3")
    for key in (
        keys.report(ID),
        keys.page(ID),
        keys.multiqc(ID, "seqdrop_gc_mqc.json"),
        keys.receipt(ID),
        keys.manifest("2026-02-01"),
        keys.reason(OTHER),
        keys.tombstone(ID),
        keys.run_result("runs", "r1", "run.json"),
        keys.run_result("runs", "r1", "samples.tsv"),
    ):
        s3.put_object(Bucket="results", Key=key, Body=b"{}")
    outcome = seqdrop("catalogue", "backfill")
    assert outcome.out.startswith("3 uploads and runs")
    assert "3 of 3 sent" in outcome.err
    sqs, url = target.client("sqs"), target.queues()["CatalogueQueue"]
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in messages]
    subjects = [parse_catalogue_message(body) for body in bodies]
    assert {(it.upload, it.run_report) for it in subjects} == {(ID, ""), (OTHER, ""), ("", "runs/runs/r1/run.json")}
    assert len(subjects) == 3


def test_the_command_offers_the_questions_and_forms():
    from seqdrop_cli.commands import catalogue as command

    assert tuple(catalogue.QUESTIONS) == command.QUESTIONS
    assert catalogue.FORMATS == command.FORMATS
