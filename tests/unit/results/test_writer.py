"""Each results file, read by independent code: pyarrow, gffutils and pybigtools."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import gffutils
import pyarrow.parquet
import pybigtools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seqdrop.kinds.plans import KINDS, packaged
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.models.calibration import Calibration
from seqdrop.results.provenance import build_provenance
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.writer import Predictions, result_files, summary

from tests.unit.results import formats

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis

CALIBRATION = Calibration(0.6, -0.7, 0.3, ({"threshold": 0.5, "recall": 0.8, "intron_called": 0.1, "cds_called": 0.2},))
CONTIGS = packaged().by_name["contigs"]
UPLOAD = Upload("VALIDATED", id="U" * 26, key="contigs/a\nb é.fa", sha256="ab" * 32, records=2)
JOB = Job("STARTED", name="job", model="promoter-300", model_key="models/x", model_digest="cd" * 32)
PLACE = ["record", "start", "end", "strand", "probability", "calibrated", "call", "label", "not_scored", "count"]
COLUMNS = [*PLACE, "model", "model_sha256", "window", "stride", "item", "error"]
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def provenance_of(analysis: Analysis) -> dict:
    return build_provenance(UPLOAD, Attempt("SUBMITTED", number=1), JOB, analysis)


def with_settings(**changes) -> Analysis:
    return replace(CONTIGS, settings=replace(CONTIGS.settings, **changes))


def lines_of(records: dict[str, list], strands: str = "+-", per_line: int = 3) -> list[bytes]:
    """Return output lines for {record: [(start, end, {strand: probability or None})]}."""
    lines = []
    for record, windows in records.items():
        entries = [
            {"start": start, "end": end, "strand": strand}
            | ({"not_scored": "too_many_n"} if values[strand] is None else {"probability": values[strand]})
            for start, end, values in windows
            for strand in strands
        ]
        for first in range(0, len(entries), per_line):
            part = entries[first : first + per_line]
            lines.append(json.dumps({"id": f"{record}:{first}", "record": record, "windows": part}).encode())
    return lines


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
values = st.none() | st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)


@st.composite
def genomes(draw):
    """Draw records with unusual names, with windows of 300 every 150 and a last one that ends with the record."""
    records = {}
    for name in draw(st.lists(names.filter(lambda name: not name.startswith("#")), max_size=3, unique=True)):
        starts = list(range(0, draw(st.integers(0, 8)) * 150 + 1, 150))
        starts += [starts[-1] + draw(st.integers(1, 149))] if draw(st.booleans()) else []
        records[name] = [(start, start + 300, {strand: draw(values) for strand in "+-"}) for start in starts]
    return records


def check_files(records: dict, calibration: Calibration | None, check, **changes) -> None:
    analysis = with_settings(**changes)
    predictions = Predictions(analysis, lines_of(records), provenance_of(analysis), calibration)
    with result_files(predictions) as results:
        check(results.folder, summary(predictions, results))


@relaxed
@given(genomes(), st.sampled_from([None, CALIBRATION]))
def test_all_files_agree(records, calibration):
    def check(folder, content):
        rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
        assert len(rows) == content["counts"]["windows"] == 2 * sum(map(len, records.values()))
        calls = [row for row in rows if row.get("call")]
        best = {(row["record"], row["start"], row["strand"]): row["probability"] for row in calls}
        beds, gffs = formats.read_bed(folder / "calls.bed"), formats.read_gff3(folder / "calls.gff3")
        assert [{**row, "start": row["start"] + 1} for row in beds] == gffs
        assert len(beds) == content["calls"]["kept"] <= len(calls) == content["calls"]["windows"]
        for row in beds:
            assert best[row["seqid"], row["start"], row["strand"]] == float(row["probability"])
        for strand, word in (("+", "plus"), ("-", "minus")):
            covered = {
                (row["record"], base)
                for row in rows
                if row["strand"] == strand and "probability" in row
                for base in range(row["start"], row["end"])
            }
            lines = formats.read_bedgraph(folder / f"track.{word}.bedgraph")
            assert {(name, base) for name, start, end, _ in lines for base in range(start, end)} == covered
            assert (folder / f"track.{word}.bw").exists() == bool(lines)
        assert content["files"] == sorted(path.name for path in folder.iterdir())

    check_files(records, calibration, check, threshold=0.5)


def test_parquet_has_every_column_and_provenance():
    records = {"chr1": [(0, 300, {"+": 0.95, "-": None})], "chr2": [(0, 300, {"+": 0.1, "-": 0.99})]}

    def check(folder, content):
        file = pyarrow.parquet.ParquetFile(folder / "predictions.parquet")
        rows = file.read().to_pylist()
        assert list(rows[0]) == COLUMNS
        scored = rows[0]
        assert (scored["record"], scored["start"], scored["end"], scored["strand"]) == ("chr1", 0, 300, "+")
        assert (scored["probability"], scored["call"], scored["label"], scored["count"]) == (0.95, True, "promoter", 1)
        assert scored["calibrated"] == pytest.approx(CALIBRATION.scale(0.001)(0.95), rel=1e-3)
        assert (scored["model"], scored["model_sha256"]) == ("promoter-300", "cd" * 32)
        assert (scored["window"], scored["stride"], scored["error"]) == (300, 150, None)
        assert (rows[1]["probability"], rows[1]["call"], rows[1]["not_scored"]) == (None, None, "too_many_n")
        provenance = json.loads(file.metadata.metadata[b"seqdrop"])
        assert provenance["upload"]["sha256"] == "ab" * 32
        assert provenance["parameters"]["stride"] == 150
        assert content["model"] == provenance["model"]

    check_files(records, CALIBRATION, check)


def test_text_files_have_provenance_in_comments_of_one_line():
    def check(folder, content):
        for name in ("calls.bed", "calls.gff3", "track.plus.bedgraph", "track.minus.bedgraph"):
            lines = [line for line in (folder / name).read_text(encoding="ascii").splitlines() if line[0] == "#"]
            text = "\n".join(lines)
            for word in ("cd" * 32, "ab" * 32, '"stride": 150', "# distance: 300", r"contigs/a\nb \u00e9.fa"):
                assert word in text

    check_files({"c": [(0, 300, {"+": 0.95, "-": 0.95})]}, None, check)


@pytest.mark.parametrize(
    "records",
    [
        {"c": [(0, 300, {"+": 0.1, "-": 0.2})]},
        {
            "c": [(0, 300, {"+": 0.1, "-": None})],
            "ctg/2": [(0, 300, {"+": 0.1, "-": 0.1}), (120, 420, {"+": 0, "-": 0})],
        },
        {"only;N": [(0, 300, {"+": None, "-": None})]},
        {f"n{number}": [(0, 300, {"+": 0.1, "-": 0.2})] for number in range(300)},
        {"0": [(0, 300, {"+": 0.1, "-": 0.2})]},
    ],
)
def test_gff3_without_calls_is_read_by_gffutils(records):
    def check(folder, content):
        assert content["calls"]["kept"] == 0 == len(formats.read_gff3(folder / "calls.gff3"))
        features = list(gffutils.DataIterator(str(folder / "calls.gff3")))
        regions = [(f.featuretype, f.attributes["record"][0], f.start, f.end) for f in features]
        assert regions == [("region", name, 1, windows[-1][1]) for name, windows in records.items()]
        database = gffutils.create_db(str(folder / "calls.gff3"), ":memory:")
        assert database.count_features_of_type("promoter") == 0

    check_files(records, CALIBRATION, check)


@pytest.mark.parametrize(
    "name", ["ctg/1", "a%2Fb", "x=1;y,z&", "001", "1e5", "é".encode().hex(), ">a", "#a", "NA", "[x]"]
)
def test_all_files_have_the_same_name_of_a_record(name):
    def check(folder, content):
        rows = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
        table = pyarrow.parquet.read_table(folder / "predictions.parquet")
        lines = [line.split("\t") for line in (folder / "calls.bed").read_text().splitlines() if "\t" in line]
        (feature,) = (f for f in gffutils.DataIterator(str(folder / "calls.gff3")))
        with pybigtools.open(str(folder / "track.plus.bw")) as track:
            bigwig = list(track.chroms())
        graph = (folder / "track.plus.bedgraph").read_text().splitlines()[-1].split("\t")
        names = [rows[0]["record"], table["record"][0].as_py(), lines[-1][0], *bigwig, graph[0]]
        assert names == [name] * 5
        assert feature.attributes["record"] == [name]  # gffutils decodes attributes,
        assert unquote(feature.seqid) == name  # but not names of sequences

    check_files({name: [(0, 300, {"+": 0.95, "-": None})]}, None, check)


def test_gff3_is_read_by_gffutils():
    name = "chr;1=x,%&\x7e"
    records = {name: [(150 * n, 150 * n + 300, {"+": 0.9 + n / 100, "-": 0.95}) for n in range(5)]}

    def check(folder, content):
        features = list(gffutils.DataIterator(str(folder / "calls.gff3")))
        assert {feature.featuretype for feature in features} == {"promoter"}
        best = next(feature for feature in features if feature.strand == "+")
        # 0.94 at 600 is the best; 0.92 at 300 and 0.9 at 0 are at least 300 bases from the calls that are kept
        places = [(f.start, f.end) for f in features if f.strand == "+"]
        assert places == [(1, 300), (301, 600), (601, 900)]
        assert best.attributes["windows"] == ["1"]
        assert best.attributes["Name"] == ["promoter"]

    check_files(records, CALIBRATION, check)


@relaxed
@given(records=genomes())
def test_a_bigwig_has_the_intervals_of_its_bedgraph(records):
    def check(folder, content):
        for word in ("plus", "minus"):
            lines = formats.read_bedgraph(folder / f"track.{word}.bedgraph")
            path = folder / f"track.{word}.bw"
            assert path.exists() == bool(lines)
            for name in {line[0] for line in lines}:
                expected = [
                    (start, end, pytest.approx(value, rel=1e-6)) for at, start, end, value in lines if at == name
                ]
                with pybigtools.open(str(path)) as file:
                    assert list(file.records(name)) == expected
                    assert file.chroms(name) == records[name][-1][1]

    check_files(records, CALIBRATION, check)


@pytest.mark.parametrize(
    "lines",
    [
        lines_of({"a": [(150, 450, {"+": 0.5}), (0, 300, {"+": 0.5})]}, "+"),
        lines_of({"a": [(0, 300, {"+": 0.5}), (0, 300, {"+": 0.5})]}, "+"),
        [line for name in "aba" for line in lines_of({name: [(0, 300, {"+": 0.5})]}, "+")],
    ],
)
def test_predictions_out_of_order_raise_an_error(lines):
    with (
        pytest.raises(UnexpectedOutputError, match="not in the order|not together"),
        result_files(Predictions(CONTIGS, lines, provenance_of(CONTIGS))),
    ):
        pass


def test_the_summary_has_the_number_of_calls_per_kb():
    records = {"c": [(150 * n, 150 * n + 300, {"+": 0.95, "-": None}) for n in range(9)]}

    def check(folder, content):
        assert content["calls"] == {
            "windows": 9,
            "scored_kb": 1.5,
            "windows_per_kb": 6.0,
            "distance": 300,
            "kept": 5,
            "kept_per_kb": 3.333333,
        }
        assert content["expected_false_calls"]["share_of_windows"] == {"intron": 0.1, "cds": 0.2}
        assert content["expected_false_calls"]["windows_per_kb"] == {"intron": 0.6667, "cds": 1.3333}
        assert content["prior"] == 0.001
        assert content["track"]["of"] == "calibrated"

    check_files(records, CALIBRATION, check)


def analysis_of_kind(name: str, **changes) -> Analysis:
    kind = KINDS[name]
    settings = kind.settings(model="m", k=6, window=300, stride=300, strands="+", max_n_fraction=0.1, **changes)
    return replace(CONTIGS, kind=kind, settings=settings)


def test_each_candidate_of_a_mask_is_a_row():
    candidates = [{"bases": "AC", "probability": 0.7}, {"bases": "GG", "probability": 0.2}]
    masks = [{"start": 5, "end": 7, "candidates": candidates}]
    long = [{"start": 10, "end": 310, "not_scored": "longer_than_k"}]
    lines = [
        json.dumps({"id": "U:1:5", "record": "c", "masks": masks}).encode(),
        json.dumps({"id": "U:1:10:1:5000", "record": "c", "masks": long}).encode(),
    ]
    analysis = analysis_of_kind("masked")
    predictions = Predictions(analysis, lines, provenance_of(analysis))
    with result_files(predictions) as results:
        content = summary(predictions, results)
        rows = [json.loads(line) for line in (results.folder / "fills.jsonl").read_text().splitlines()]
        table = pyarrow.parquet.read_table(results.folder / "fills.parquet").to_pylist()
    place = {"record": "c", "start": 5, "end": 7}
    assert rows == [
        {**place, "rank": 1, "bases": "AC", "probability": 0.7},
        {**place, "rank": 2, "bases": "GG", "probability": 0.2},
        {"record": "c", "start": 10, "end": 5000, "not_scored": "longer_than_k"},
    ]
    assert [(row["rank"], row["bases"], row["end"]) for row in table] == [
        (1, "AC", 7),
        (2, "GG", 7),
        (None, None, 5000),
    ]
    assert content["counts"] == {"windows": 2, "scored": 1, "not_scored": {"longer_than_k": 1}, "errors": {}}
    assert "calls" not in content


def test_the_bases_of_rna_are_spelled_with_u():
    masks = [{"start": 5, "end": 7, "candidates": [{"bases": "TT", "probability": 0.7}]}]
    ids = ("U:1:5:1:7:rna", "U:2:5")
    lines = [json.dumps({"id": name, "record": name, "masks": masks}).encode() for name in ids]
    analysis = analysis_of_kind("masked")
    with result_files(Predictions(analysis, lines, provenance_of(analysis))) as results:
        table = pyarrow.parquet.read_table(results.folder / "fills.parquet").to_pylist()
    assert [(row["end"], row["bases"]) for row in table] == [(7, "UU"), (7, "TT")]


def test_embeddings_are_lists_of_the_same_length():
    windows = [
        {"start": 0, "end": 300, "strand": "+", "not_scored": "too_many_n"},
        {"start": 300, "end": 600, "strand": "+", "embedding": [0.5, -1.25, 3.0]},
    ]
    analysis = analysis_of_kind("embed")
    trouble = {"id": "x", "error": {"code": "not_json", "message": "m"}}
    lines = [json.dumps({"id": "U:1:0", "record": "c", "windows": windows}).encode(), json.dumps(trouble).encode()]
    with result_files(Predictions(analysis, lines, provenance_of(analysis))) as results:
        table = pyarrow.parquet.read_table(results.folder / "embeddings.parquet")
    assert str(table.schema.field("embedding").type) == "fixed_size_list<item: float>[3]"
    assert table.column("embedding").to_pylist() == [None, [0.5, -1.25, 3.0], None]
    assert table.column("not_scored").to_pylist() == ["too_many_n", None, None]
    assert table.column("error").to_pylist()[2] == {"code": "not_json", "message": "m"}


@pytest.mark.parametrize("task", ["masked", "embed"])
def test_output_of_another_task_raises_an_error(task):
    analysis = analysis_of_kind(task)
    lines = lines_of({"c": [(0, 300, {"+": 0.5})]}, "+")
    with (
        pytest.raises(UnexpectedOutputError, match="unknown shape"),
        result_files(Predictions(analysis, lines, provenance_of(analysis))),
    ):
        pass
