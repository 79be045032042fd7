"""A stack with Catalogue: what Athena answers is what DuckDB says of the same files, and what the results say.

The embedded Athena runs SQL in DuckDB and knows no projection of partitions; it reads the folders of months.
"""

from __future__ import annotations

import io
import json
import time
from contextlib import redirect_stdout
from types import SimpleNamespace

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from samcli.yamlhelper import yaml_parse
from seqdrop.aws import keys
from seqdrop.catalogue.schema import TABLES
from seqdrop.runtime.events import Derivable
from seqdrop.stages.forget import request
from seqdrop_cli.catalogue import answer, backfill, put_genes, show
from seqdrop_cli.target import Target
from seqdrop_cli.watch import watch

from local.deploy import deploy
from local.samples import write_samples
from tests.e2e.conftest import PATIENCE, drop_file

pytestmark = pytest.mark.long  # deploys its own stack

STACK = "catalogued"
NAMES = ("landing", "work", "results", "models", "archive", "table")


@pytest.fixture(scope="module")
def lab(aws, tmp_path_factory, repository):
    """The stack after files of the demo's kind: accepted, rejected, predicted, archived, and one deleted."""
    stack = deploy(aws, name=STACK, Catalogue="true", LakeFormation="true", ForgetDays=0, StaleMinutes=0)
    names = {name: getattr(stack, name) for name in NAMES}
    target = Target(region=aws.region, endpoint=aws.endpoint, access_key="test", stack=STACK, **names)
    lab = SimpleNamespace(aws=aws, stack=stack, target=target, s3=aws.client("s3"), ledger=target.ledger())
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    files = {
        "contigs/liver/contig.fa": next(folder.glob("contigs/*")).read_bytes(),
        "raw/liver/S1_R1.fastq": b"@LH00999:7:A22ABCDLT4:1:1:1:1 1:N:0:A\nACGT\n+\nIIII\n",
        "raw/heart/S2_R1.fastq": b"@LH00999:7:A22ABCDLT4:1:1:1:2 1:N:0:A\nACGTACGT\n+\nIIIIIIII\n",
        "raw/liver/bad.fastq": b"@r1\nACGT\n+\nIII\n",
    }
    versions = {key: drop_file(lab.s3, stack.landing, key, body) for key, body in files.items()}
    lab.ids = {key: version.id for key, version in versions.items()}
    lab.ends = {it.upload_id: it for it in watch(lab.ledger, list(versions.values()), Console(quiet=True), PATIENCE)}
    lab.queries = {
        body["Properties"]["Name"]: body["Properties"]["QueryString"]
        for body in yaml_parse((repository / "stacks/catalogue.yaml").read_text())["Resources"].values()
        if body["Type"] == "AWS::Athena::NamedQuery"
    }
    lab.genes = folder / "genes.bed"
    return lab


def read_rows(lab, table: str) -> list[dict]:
    """Return the rows of a table from its Parquet files, without what has no value."""
    rows = []
    listing = lab.s3.get_paginator("list_objects_v2").paginate(
        Bucket=lab.stack.results, Prefix=keys.catalogue_table(table)
    )
    for entry in (entry for page in listing for entry in page.get("Contents", [])):
        body = lab.s3.get_object(Bucket=lab.stack.results, Key=entry["Key"])["Body"].read()
        rows += pq.read_table(io.BytesIO(body)).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def wait_for(lab, is_done) -> list[dict]:
    """Wait until the rows of uploads fulfil a condition; return them."""
    deadline = time.monotonic() + PATIENCE
    while not is_done(rows := read_rows(lab, "uploads")):
        assert time.monotonic() < deadline, rows
        time.sleep(0.5)  # no event of ours says that rows were written
    return rows


def by_upload(lab) -> dict[str, dict]:
    return {row["upload"]: row for row in read_rows(lab, "uploads")}


def await_ends(lab) -> dict[str, dict]:
    """Wait until each upload has the row of its end; return the rows by upload."""
    ends = {upload_id: end.state for upload_id, end in lab.ends.items()}
    wait_for(lab, lambda rows: {row["upload"]: row["state"] for row in rows} == ends)
    return by_upload(lab)


def test_rows_are_what_the_results_say(lab):
    rows = await_ends(lab)
    for upload_id, end in lab.ends.items():
        row, upload = rows[upload_id], end.upload
        assert (row["key"], row["bytes"], row["received"]) == (upload.key, upload.size, upload.created_at)
        report = json.loads(lab.s3.get_object(Bucket=lab.stack.results, Key=keys.report(upload_id))["Body"].read())
        assert (row["bases"], row["reads"]) == (report["qc"]["bases"], report["qc"]["records"])
        if upload.state == "ARCHIVED":
            receipt = json.loads(
                lab.s3.get_object(Bucket=lab.stack.results, Key=keys.receipt(upload_id))["Body"].read()
            )
            assert (row["archived"], row["archive_usd_month"]) == (
                receipt["verified_at"],
                receipt["prices"]["usd_per_month"],
            )
    bad = rows[lab.ids["raw/liver/bad.fastq"]]
    assert (bad["state"], bad["project"], bad["reason_record"]) == ("REJECTED", "liver", 1)
    (prediction,) = read_rows(lab, "predictions")
    assert prediction["upload"] == lab.ids["contigs/liver/contig.fa"]
    place = prediction["results"]
    summary = json.loads(lab.s3.get_object(Bucket=lab.stack.results, Key=f"{place}summary.json")["Body"].read())
    assert (prediction["model_sha256"], prediction["job"]) == (summary["model"]["sha256"], summary["job"])
    bed = lab.s3.get_object(Bucket=lab.stack.results, Key=f"{place}calls.bed")["Body"].read().decode()
    lines = [line.split("\t") for line in bed.splitlines() if not line.startswith("#")]
    calls = [(row["record"], row["start"], row["end"], row["strand"]) for row in read_rows(lab, "calls")]
    assert calls == [(line[0], int(line[1]), int(line[2]), line[5]) for line in lines]
    assert len(calls) == prediction["calls"] == summary["calls"]["kept"] > 0


def ask_duckdb(lab, question: str, *parameters) -> list[tuple]:
    """Ask DuckDB about the same Parquet files."""
    import pyarrow as pa

    with duckdb.connect() as connection:
        types = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64()}
        for table, columns in TABLES.items():
            schema = pa.schema([*((column.name, types[column.type]) for column in columns), ("month", pa.string())])
            rows = [row | {"month": month_of(lab, row)} for row in read_rows(lab, table)]
            connection.register(table, pa.Table.from_pylist(rows, schema))
        text = lab.s3.get_object(Bucket=lab.stack.results, Key=keys.gene_list("genes.bed"))["Body"].read().decode()
        names = ("chrom", "start", "end", "name", "score", "strand")
        genes = [dict(zip(names, line.split("\t"), strict=True)) for line in text.splitlines()]
        genes = [gene | {"start": int(gene["start"]), "end": int(gene["end"])} for gene in genes]
        connection.register("genes", pa.Table.from_pylist(genes))
        return connection.execute(lab.queries[question], list(parameters)).fetchall()


def month_of(lab, row: dict) -> str:
    return lab.ledger.require_upload(row["upload"]).created_at[:7]


@pytest.mark.parametrize(
    ("question", "parameters"),
    [("failed", [""]), ("yield", []), ("promoters", [100_000]), ("archive", []), ("models", [])],
)
def test_athena_answers_what_duckdb_answers(lab, question, parameters):
    await_ends(lab)
    call = read_rows(lab, "calls")[0]
    lab.genes.write_text(f"{call['record']}\t{call['start'] + 50}\t{call['end'] + 500}\tGENE1\n")
    assert put_genes(lab.target, lab.genes) == 1
    reply = answer(lab.target, question, "", 100_000)
    expected = ask_duckdb(lab, question, *parameters)
    assert normalize(reply.rows) == normalize(expected)
    assert len(reply.rows) > 0
    with redirect_stdout(io.StringIO()) as printed:
        show(reply, "json")
    assert len(json.loads(printed.getvalue())) == len(reply.rows)


def normalize(rows) -> list[tuple]:
    """Return rows in which numbers can be compared: Athena's texts of a number differ from Python's."""
    return [tuple(round(float(it), 9) if isinstance(it, int | float) else it for it in row) for row in rows]


def test_answers_are_in_the_place_that_the_workgroup_enforces(lab):
    answer(lab.target, "archive", "", 0)
    listed = lab.s3.list_objects_v2(Bucket=lab.stack.work, Prefix=keys.ANSWERS)
    assert listed["KeyCount"] > 0


def test_repeated_and_reordered_events_change_nothing_and_a_backfill_restores_what_was_lost(lab):
    rows = await_ends(lab)
    before = {table: sorted(map(str, read_rows(lab, table))) for table in TABLES}
    queue = lab.target.queues()["CatalogueQueue"]
    sqs = lab.aws.client("sqs")
    for upload_id in [*reversed(rows), *rows]:
        body = json.dumps(Derivable(upload=upload_id).message())
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    wait_until_empty(sqs, queue)
    assert {table: sorted(map(str, read_rows(lab, table))) for table in TABLES} == before
    # As if no event had ever come.
    for table in TABLES:
        for entry in lab.s3.list_objects_v2(Bucket=lab.stack.results, Prefix=keys.catalogue_table(table)).get(
            "Contents", []
        ):
            lab.s3.delete_object(Bucket=lab.stack.results, Key=entry["Key"])
    assert read_rows(lab, "uploads") == []
    assert backfill(lab.target) == len(rows)
    await_ends(lab)
    wait_until_empty(sqs, queue)
    assert {table: sorted(map(str, read_rows(lab, table))) for table in TABLES} == before


def wait_until_empty(sqs, queue: str) -> None:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + PATIENCE
    while any(map(int, sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values())):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_deleted_file_stays_as_a_row_without_a_price(lab):
    await_ends(lab)
    upload_id = lab.ids["raw/heart/S2_R1.fastq"]
    services = lab.target.services(SEQDROP_FORGET_QUEUE=lab.target.queues()["ForgetQueue"])
    request.ask(services, lab.ledger.require_upload(upload_id), request.Request("mistake"))
    services.send(services.settings.forget_queue, {"upload": upload_id})
    wait_for(lab, lambda rows: {"FORGOTTEN"} == {row["state"] for row in rows if row["upload"] == upload_id})
    row = by_upload(lab)[upload_id]
    assert "deleted" in row
    assert "archive_usd_month" not in row
    archived = {row[0]: row[2] for row in answer(lab.target, "archive", "", 0).rows}
    assert "heart" not in archived
    assert archived["liver"] == 2
