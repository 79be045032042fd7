"""The saved queries of stacks/catalogue.yaml, in DuckDB: its dialect and Athena's agree on all that they use."""

from __future__ import annotations

from itertools import count

import duckdb
import pytest
from samcli.yamlhelper import yaml_parse
from seqdrop.catalogue.schema import TABLES

TYPES = {"text": "VARCHAR", "whole": "BIGINT", "number": "DOUBLE"}
RUN = "20260105_LH00999_0012_A22ABCDLT4"
GENES = {"chrom": "VARCHAR", "start": "BIGINT", "end": "BIGINT", "name": "VARCHAR", "score": "VARCHAR"}
GENES["strand"] = "VARCHAR"


class Catalogue:
    """Tables in memory, and the saved queries."""

    def __init__(self, queries: dict[str, str]):
        self._queries, self._numbers = queries, count()
        self._connection = duckdb.connect()
        for name, columns in TABLES.items():
            fields = [f'"{column.name}" {TYPES[column.type]}' for column in columns]
            self._connection.execute(f"CREATE TABLE {name} ({', '.join([*fields, 'month VARCHAR'])})")
        fields = [f'"{name}" {kind}' for name, kind in GENES.items()]
        self._connection.execute(f"CREATE TABLE genes ({', '.join(fields)})")

    def add(self, table: str, **row) -> None:
        if table != "genes":
            row = {"month": "2026-02", **row}
            if table != "samples":
                row = {"upload": f"U{next(self._numbers)}", "analysis": "reads", **row}
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    def ask(self, question: str, *parameters) -> list[dict]:
        cursor = self._connection.execute(self._queries[question], list(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def queries(repository) -> dict[str, str]:
    resources = yaml_parse((repository / "stacks/catalogue.yaml").read_text())["Resources"].values()
    saved = [body["Properties"] for body in resources if body["Type"] == "AWS::Athena::NamedQuery"]
    return {query["Name"]: query["QueryString"] for query in saved}


@pytest.fixture
def catalogue(queries) -> Catalogue:
    return Catalogue(queries)


class TestFailed:
    @pytest.fixture(autouse=True)
    def rows(self, catalogue):
        bad = {"state": "REJECTED", "reason_code": "bad_quality", "reason": "why", "reason_record": 3}
        catalogue.add("uploads", run=RUN, sample="S1", project="liver", key="runs/a", **bad)
        catalogue.add("uploads", sample="alone", key="reads/b", **bad)
        catalogue.add("uploads", run=RUN, sample="S2", state="ARCHIVED")
        for attempt, state in enumerate(["FAILED", "PREDICTED"], 1):
            catalogue.add("predictions", upload="again", sample="S3", run=RUN, attempt=attempt, state=state)
        for attempt in (1, 2):
            lost = {"state": "FAILED", "reason": f"no capacity {attempt}", "attempt": attempt}
            catalogue.add("predictions", upload="lost", sample="S4", run=RUN, **lost)
        catalogue.add("samples", run=RUN, analysis="runs", sample="S5", status="incomplete", missing="R2")
        catalogue.add("samples", run=RUN, analysis="runs", sample="S6", status="complete")
        catalogue.add("samples", run="other", analysis="runs", sample="S7", status="missing")

    def test_of_one_run(self, catalogue):
        rows = catalogue.ask("failed", RUN)
        assert [(row["sample"], row["problem"], row["code"], row["why"]) for row in rows] == [
            ("S1", "file rejected", "bad_quality", "why"),
            ("S4", "no predictions", "attempt_failed", "no capacity 2"),
            ("S5", "sample incomplete", "incomplete", "R2"),
        ]
        assert (rows[0]["record"], rows[0]["key"], rows[0]["project"]) == (3, "runs/a", "liver")

    def test_of_all_runs_and_of_files_without_a_run(self, catalogue):
        assert {row["sample"] for row in catalogue.ask("failed", "")} == {"S1", "S4", "S5", "S7", "alone"}


def test_yield_is_by_instrument_and_month_of_sequencing(catalogue):
    good = {"state": "ARCHIVED", "format": "fastq", "bases": 1000, "reads": 10}
    catalogue.add("uploads", instrument="LH1", sequenced="2026-01-05", q30_fraction=0.9, **good)
    catalogue.add("uploads", instrument="LH1", sequenced="2026-01-31", q30_fraction=0.5, **good | {"bases": 3000})
    catalogue.add("uploads", instrument="LH1", **good)
    catalogue.add("uploads", state="VALIDATED", format="bam", bases=5, reads=1)
    for other in ({"state": "REJECTED"}, {"format": "fasta"}, {"state": "FORGOTTEN"}, {"state": "DUPLICATE"}):
        catalogue.add("uploads", instrument="LH1", **good | other)
    rows = [tuple(row.values()) for row in catalogue.ask("yield")]
    assert rows == [
        ("LH1", "2026-01", 2, 20, 4000, 0.6),
        ("LH1", "2026-02", 1, 10, 1000, None),
        ("unknown", "2026-02", 1, 1, 5, None),
    ]


@pytest.mark.parametrize(
    ("strand", "start", "end", "distance"),
    [("+", 900, 1000, 0), ("+", 400, 500, 500), ("+", 1500, 1600, 500), ("-", 1600, 1700, 500), ("+", 990, 1290, 0)],
)
def test_calls_near_the_starts_of_genes(catalogue, strand, start, end, distance):
    """A gene on the reverse strand begins where its interval ends: forward 1000 to 3000, reverse 100 to 1100."""
    catalogue.add("genes", chrom="chr1", start=1000, end=3000, name="F", strand="+")
    catalogue.add("genes", chrom="chr1", start=100, end=1100, name="R", strand="-")
    catalogue.add("genes", chrom="chr2", start=1000, end=3000, name="elsewhere", strand="+")
    catalogue.add("genes", chrom="track name=x")  # a line that is no gene
    catalogue.add("calls", record="chr1", start=start, end=end, strand=strand, probability=0.95, model="m")
    gene = "F" if strand == "+" else "R"
    (row,) = catalogue.ask("promoters", distance)
    assert (row["gene"], row["start"], row["strand"]) == (gene, start, strand)
    assert row["upstream"] == (1000 - end if strand == "+" else start - 1100)
    assert distance == 0 or catalogue.ask("promoters", distance - 1) == []


def test_genes_without_a_strand_have_calls_on_both(catalogue):
    catalogue.add("genes", chrom="chr1", start=1000, end=3000, name="G", strand=".")
    for strand in "+-":
        catalogue.add("calls", record="chr1", start=950, end=1050, strand=strand, probability=0.9)
    assert [row["strand"] for row in catalogue.ask("promoters", 10)] == ["+", "-"]


def test_the_archive_has_its_price_by_project_and_class(catalogue):
    cold = {"state": "ARCHIVED", "storage_class": "DEEP_ARCHIVE", "bytes": 10**9, "archive_usd_month": 0.00099}
    cold |= {"restore_usd": 0.0025, "restore_hours": 48, "archived": "2026-01-05T08:00:00.000Z"}
    catalogue.add("uploads", project="liver", free_to_delete_from="2000-01-01", **cold)
    catalogue.add("uploads", project="liver", free_to_delete_from="2999-01-01", **cold)
    catalogue.add("uploads", **cold | {"storage_class": "GLACIER_IR", "restore_usd": None, "restore_hours": None})
    catalogue.add("uploads", project="liver", **cold | {"state": "FORGOTTEN"})
    liver, none = catalogue.ask("archive")
    assert (liver["project"], liver["files"], liver["bytes"], liver["usd_month"]) == ("liver", 2, 2 * 10**9, 0.00198)
    assert (liver["restore_usd"], liver["restore_hours"], liver["free_to_delete"]) == (0.005, 48, 1)
    assert (none["project"], none["storage_class"], none["restore_usd"]) == ("none", "GLACIER_IR", None)


def test_models_have_what_they_made(catalogue):
    catalogue.add("predictions", model="b", model_sha256="22", state="PREDICTED", job="j2", attempt=1)
    catalogue.add("predictions", model="a", model_sha256="11", state="PREDICTED", job="j1", attempt=2, calls=4)
    catalogue.add("predictions", state="FAILED", attempt=3)
    rows = catalogue.ask("models")
    assert [(row["model"], row["job"], row["attempt"], row["calls"]) for row in rows] == [
        ("a", "j1", 2, 4),
        ("b", "j2", 1, None),
    ]
