"""The examples of docs/results.md keep names of records as text, and run where pandas and DuckDB are installed."""

import json
import re

import pyarrow
import pyarrow.parquet
import pytest

from tests.unit.docs.pages import REPOSITORY

PAGE = (REPOSITORY / "docs/results.md").read_text()
NAMES = ["001", "1e5", "NA", "true", "2026-01-31", "1700000000", "ctg/1"]


def test_pandas_keeps_names_of_records_as_text(tmp_path):
    (line,) = re.findall(r"^lines = (pandas\.read_json\(.*?\))  #", PAGE, re.MULTILINE)
    assert 'dtype={"record": str}' in line
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps({"record": name, "start": 0}) + "\n" for name in NAMES))
    table = eval(line.replace('"predictions.jsonl"', repr(str(path))), {"pandas": pandas})
    assert table["record"].tolist() == NAMES


def test_duckdb_compares_embeddings(tmp_path):
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert "::FLOAT[768]" in query
    duckdb = pytest.importorskip("duckdb")
    vectors = pyarrow.array([[1.0] * 768, [1.0, -1.0] * 384, None], pyarrow.list_(pyarrow.float32(), 768))
    table = pyarrow.table({"record": ["chr1", "b", "c"], "start": [0, 0, 0], "embedding": vectors})
    pyarrow.parquet.write_table(table, tmp_path / "embeddings.parquet")
    rows = duckdb.sql(query.replace("embeddings.parquet", str(tmp_path / "embeddings.parquet"))).fetchall()
    assert rows == [("chr1", 0, pytest.approx(1)), ("b", 0, pytest.approx(0, abs=1e-6))]
