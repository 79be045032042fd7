"""Data sets in every format become the same three files; what is wrong is told by record, and never a sequence."""

import gzip
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.training.data import line_reader
from seqdrop.training.data.line_reader import Source
from seqdrop.training.data.prepare import prepare
from seqdrop.training.data.rows import ADVICE, MOST, split_of_header
from seqdrop.training.jobfile import parse

from local.proteins import encode_data_set, make_proteins

HEAD = 'model = "cnn"\n[data]\n'
FLIP = f'{HEAD}format = "flip"\nsequences = "sequences.fasta"\nlabels = "sampled.fasta"\nmask = "mask.fasta"\n'
SMALL = {"train": 6, "validation": 2, "test": 2}
THREE = ">a SET=train\nMKV\nHEC\n>b SET=train VALIDATION=True\nMKVA\nHECC\n>c SET=test\nMKVAA\nHECCC\n"


def run(job: str, bodies: dict[str, bytes], folder):
    sources = {name: Source(name, io.BufferedReader(io.BytesIO(body))) for name, body in bodies.items()}
    return prepare(parse(job.encode()), sources, folder)


def written(folder) -> dict[str, list[dict]]:
    return {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]
        for split in ("train", "validation", "test")
    }


def refused(job: str, bodies: dict[str, bytes], folder) -> InvalidFileError:
    with pytest.raises(InvalidFileError) as raised:
        run(job, bodies, folder)
    return raised.value


def three_line(text: str, folder) -> InvalidFileError:
    return refused(f'{HEAD}format = "three_line"\nfile = "all.txt"', {"all.txt": text.encode()}, folder)


@pytest.fixture(scope="module")
def some():
    return make_proteins(random.Random(3), SMALL)


def as_table(some) -> dict[str, list[str]]:
    columns = ("name", "sequence", "labels", "split", "mask")
    return {"id" if key == "name" else key: [getattr(one, key) for one in some] for key in columns}


def as_csv(some, comma: str = ",") -> bytes:
    table = as_table(some)
    rows = zip(*table.values(), strict=True)
    return "\r\n".join([comma.join(table), *(comma.join(row) for row in rows)]).encode() + b"\r\n"


def as_parquet(some) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table(as_table(some)), held)
    return held.getvalue()


class TestFormats:
    def test_flip_is_joined_and_masked(self, some, tmp_path):
        found = run(FLIP, encode_data_set(some, ""), tmp_path)
        records = written(tmp_path)
        assert {split: len(one) for split, one in records.items()} == SMALL
        for one, record in zip([p for p in some if p.split == "test"], records["test"], strict=True):
            labels = "".join(a if m == "1" else "-" for a, m in zip(one.labels, one.mask, strict=True))
            assert record == {"id": one.name, "sequence": one.sequence, "labels": labels}
        assert found.counts["train"]["records"] == 6
        assert found.counts["train"]["letters"] == found.residues == sum(len(r["sequence"]) for r in records["train"])

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("csv", as_csv),
            ("csv", lambda some: as_csv(some, "\t")),
            ("csv", lambda some: b"\xef\xbb\xbf" + as_csv(some)),
            ("csv", lambda some: gzip.compress(as_csv(some))),
            ("parquet", as_parquet),
        ],
    )
    def test_tables_give_the_same_as_flip(self, some, tmp_path, kind, body):
        (tmp_path / "flip").mkdir()
        (tmp_path / "table").mkdir()
        wanted = run(FLIP, encode_data_set(some, ""), tmp_path / "flip")
        found = run(f'{HEAD}format = "{kind}"\nfile = "all"', {"all": body(some)}, tmp_path / "table")
        assert (written(tmp_path / "table"), found.digest) == (written(tmp_path / "flip"), wanted.digest)

    def test_three_line_by_header_and_by_file(self, tmp_path):
        for name in "xy":
            (tmp_path / name).mkdir()
        one = run(f'{HEAD}format = "three_line"\nfile = "all"', {"all": THREE.encode()}, tmp_path / "x")
        parts = [f">{part}".encode() for part in THREE.split(">")[1:]]
        split = f'{HEAD}format = "three_line"\ntrain = "1"\nvalidation = "2"\ntest = "3"'
        two = run(split, dict(zip("123", parts, strict=True)), tmp_path / "y")
        assert one == two
        assert written(tmp_path / "x") == written(tmp_path / "y")

    def test_dna_with_a_label(self, tmp_path):
        rows = "".join(f"{'ACGT' * n},{n % 2},{split}\n" for n, split in enumerate(["train"] * 4 + ["val", "test"], 2))
        job = 'model = "dnabert"\n[data]\nformat = "csv"\nfile = "all.csv"\n'
        found = run(job, {"all.csv": f"sequence,label,split\n{rows}".encode()}, tmp_path)
        assert written(tmp_path)["validation"] == [{"id": "all.csv:5", "sequence": "ACGT" * 6, "label": "0"}]
        assert found.counts["train"]["classes"] == {"0": 2, "1": 2}

    def test_what_train_py_reads(self, some, tmp_path, repository):
        """The schema that both sides are held to."""
        jsonschema = pytest.importorskip("jsonschema")
        path = repository / "model_code/training_record.schema.json"
        if not path.exists():
            pytest.skip("model_code/training_record.schema.json is not there yet")
        run(FLIP, encode_data_set(some, ""), tmp_path)
        check = jsonschema.Draft202012Validator(json.loads(path.read_text()))
        for records in written(tmp_path).values():
            for record in records:
                check.validate(record)

    def test_all_of_flip_is_sound(self, shared_data, tmp_path):
        folder = shared_data / "proteins/flip_ss3/splits"
        bodies = {name: (folder / name).read_bytes() for name in ("sequences.fasta", "sampled.fasta", "mask.fasta")}
        found = run(FLIP, bodies, tmp_path)
        assert {split: one["records"] for split, one in found.counts.items()} == {
            "train": 9712,
            "validation": 1080,
            "test": 364,
        }
        assert sum(one["classes"]["-"] for one in found.counts.values()) == 186_876
        assert found.warnings == {}


class TestProblems:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (THREE.replace("MKVAA", "MKVA"), "length_mismatch"),
            (THREE.replace("HECCC", "HECCJ"), "bad_label"),
            (THREE.replace("HECCC", "HECGT"), "bad_label"),
            (THREE.replace("MKVAA", "MKV-A"), "bad_residue"),
            (THREE.replace("HECCC", "-----"), "nothing_scored"),
            (THREE.replace(">c SET=test", ">c"), "no_split"),
            (THREE.replace(">c", ">a"), "duplicate_name"),
            (THREE.replace("MKVAA\nHECCC", "MKV\nHEC"), "leak"),
            (THREE.replace("SET=test", "SET=train"), "split_missing"),
            (THREE.replace("HEC\n", "HHC\n", 1), "class_missing"),
            (THREE.replace("HECCC\n", ""), "bad_fasta"),
            (THREE.replace(">c SET=test", "c SET=test"), "bad_fasta"),
            ("", "bad_fasta"),
            (THREE.replace(">c ", "> "), "no_name"),
        ],
    )
    def test_of_records(self, tmp_path, text, code):
        error = three_line(text, tmp_path)
        assert code in error.counts, error.counts
        assert all(fault.advice == ADVICE[fault.code] for fault in error.errors)

    def test_the_place_is_told_and_no_sequence(self, tmp_path):
        error = three_line(THREE.replace("MKVAA", "MKVA"), tmp_path)
        assert (error.fault.name, error.fault.record, error.fault.line) == ("c", 3, 7)
        assert error.fault.message == "all.txt: 4 residues, 5 labels"
        assert "MKVA" not in str([fault.as_entry() for fault in error.errors])

    def test_eight_states_for_three(self, tmp_path):
        assert "eight states" in three_line(THREE.replace("HECCC", "HECGT"), tmp_path).fault.message

    def test_there_is_a_bound_to_what_is_told_and_none_to_what_is_counted(self, tmp_path):
        text = "".join(f">{number} SET=train\nMKV\nHECC\n" for number in range(3 * MOST))
        error = three_line(text, tmp_path)
        assert (len(error.errors), error.counts) == (MOST, {"length_mismatch": 3 * MOST})

    def test_flips_files_must_tell_of_the_same_records(self, some, tmp_path):
        bodies = encode_data_set(some, "")
        lost = refused(FLIP, bodies | {"mask.fasta": bodies["mask.fasta"].split(b">test-1")[0]}, tmp_path)
        assert (lost.fault.code, lost.fault.name) == ("no_partner", "test-1")
        more = refused(FLIP, bodies | {"sequences.fasta": bodies["sequences.fasta"] + b">more\nMKV\n"}, tmp_path)
        assert (more.fault.code, more.fault.name) == ("no_partner", "more")

    @pytest.mark.parametrize(
        ("kind", "body", "code"),
        [
            ("csv", b"sequence,labels\nMKV,HEC\n", "bad_table"),
            ("csv", b"", "bad_table"),
            ("csv", b'sequence,labels,split\n"MKV,HEC,train\n', "bad_table"),
            ("csv", b"sequence,sequence,labels,split\nMKV,MKV,HEC,train\n", "bad_table"),
            ("csv", b"\xff\xfe\x00", "bad_text"),
            ("csv", gzip.compress(b"sequence,labels,split\n", mtime=0)[:-4], "bad_text"),
            ("parquet", b"sequence,labels", "bad_table"),
            ("parquet", b"PAR1 and more PAR1", "bad_table"),
        ],
    )
    def test_of_files(self, tmp_path, kind, body, code):
        assert refused(f'{HEAD}format = "{kind}"\nfile = "all"', {"all": body}, tmp_path).fault.code == code

    def test_a_data_set_is_bounded(self, some, tmp_path, monkeypatch):
        monkeypatch.setattr(line_reader.Budget.__init__, "__defaults__", (500,))
        assert refused(FLIP, encode_data_set(some, ""), tmp_path).fault.code == "too_large"

    @given(st.binary(max_size=300), st.sampled_from(["three_line", "csv", "parquet"]))
    def test_any_bytes_are_refused_in_words(self, tmp_path_factory, body, kind):
        error = refused(f'{HEAD}format = "{kind}"\nfile = "all"', {"all": body}, tmp_path_factory.mktemp("any"))
        assert set(error.counts) <= set(ADVICE)


@pytest.mark.parametrize(
    ("header", "split"),
    [
        ("a SET=train VALIDATION=False", "train"),
        ("a SET=train VALIDATION=True", "validation"),
        ("a SET=test VALIDATION=False", "test"),
        ("a split=dev", "validation"),
        ("a SET=other", ""),
        ("RESET=test", ""),
        ("a", ""),
    ],
)
def test_splits_of_headers(header, split):
    assert split_of_header(header) == split
