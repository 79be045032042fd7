"""Data sets in every format become the same three files; faults are reported by record, never with a sequence."""

import gzip
import io
import json
import random
from dataclasses import replace

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
from seqdrop.training.data.tables import LONGEST_FIELD
from seqdrop.training.jobfile import parse

from local.proteins import encode_data_set, make_proteins

HEAD = 'model = "cnn"\n[data]\n'
FLIP = f'{HEAD}format = "flip"\nsequences = "sequences.fasta"\nlabels = "sampled.fasta"\nmask = "mask.fasta"\n'
SMALL = {"train": 6, "validation": 2, "test": 2}
THREE = ">a SET=train\nMKV\nHEC\n>b SET=train VALIDATION=True\nMKVA\nHECC\n>c SET=test\nMKVAA\nHECCC\n"


def run(job: str, bodies: dict[str, bytes], folder):
    sources = {name: Source(name, io.BufferedReader(io.BytesIO(body))) for name, body in bodies.items()}
    return prepare(parse(job.encode()), sources, folder)


def read_splits(folder) -> dict[str, list[dict]]:
    return {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]
        for split in ("train", "validation", "test")
    }


def refusal(job: str, bodies: dict[str, bytes], folder) -> InvalidFileError:
    with pytest.raises(InvalidFileError) as raised:
        run(job, bodies, folder)
    return raised.value


def three_line(text: str, folder) -> InvalidFileError:
    return refusal(f'{HEAD}format = "three_line"\nfile = "all.txt"', {"all.txt": text.encode()}, folder)


@pytest.fixture(scope="module")
def proteins():
    return make_proteins(random.Random(3), SMALL)


def as_table(proteins) -> dict[str, list[str]]:
    columns = ("name", "sequence", "labels", "split", "mask")
    return {"id" if key == "name" else key: [getattr(protein, key) for protein in proteins] for key in columns}


def as_csv(proteins, comma: str = ",") -> bytes:
    table = as_table(proteins)
    rows = zip(*table.values(), strict=True)
    return "\r\n".join([comma.join(table), *(comma.join(row) for row in rows)]).encode() + b"\r\n"


def as_parquet(proteins) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(as_table(proteins)), buffer)
    return buffer.getvalue()


class TestFormats:
    def test_flip_is_joined_and_masked(self, proteins, tmp_path):
        prepared = run(FLIP, encode_data_set(proteins, ""), tmp_path)
        records = read_splits(tmp_path)
        assert {split: len(examples) for split, examples in records.items()} == SMALL
        for protein, record in zip([p for p in proteins if p.split == "test"], records["test"], strict=True):
            labels = "".join(a if m == "1" else "-" for a, m in zip(protein.labels, protein.mask, strict=True))
            assert record == {"id": protein.name, "sequence": protein.sequence, "labels": labels}
        assert prepared.counts["train"]["records"] == 6
        assert (
            prepared.counts["train"]["letters"]
            == prepared.residues
            == sum(len(r["sequence"]) for r in records["train"])
        )

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("csv", as_csv),
            ("csv", lambda proteins: as_csv(proteins, "\t")),
            ("csv", lambda proteins: b"\xef\xbb\xbf" + as_csv(proteins)),
            ("csv", lambda proteins: gzip.compress(as_csv(proteins))),
            ("parquet", as_parquet),
        ],
    )
    def test_tables_give_the_same_as_flip(self, proteins, tmp_path, kind, body):
        (tmp_path / "flip").mkdir()
        (tmp_path / "table").mkdir()
        expected = run(FLIP, encode_data_set(proteins, ""), tmp_path / "flip")
        prepared = run(f'{HEAD}format = "{kind}"\nfile = "all"', {"all": body(proteins)}, tmp_path / "table")
        assert (read_splits(tmp_path / "table"), prepared.digest) == (read_splits(tmp_path / "flip"), expected.digest)

    def test_three_line_by_header_and_by_file(self, tmp_path):
        for name in "xy":
            (tmp_path / name).mkdir()
        by_header = run(f'{HEAD}format = "three_line"\nfile = "all"', {"all": THREE.encode()}, tmp_path / "x")
        parts = [f">{part}".encode() for part in THREE.split(">")[1:]]
        split = f'{HEAD}format = "three_line"\ntrain = "1"\nvalidation = "2"\ntest = "3"'
        by_file = run(split, dict(zip("123", parts, strict=True)), tmp_path / "y")
        assert by_header == by_file
        assert read_splits(tmp_path / "x") == read_splits(tmp_path / "y")

    def test_dna_with_a_label(self, tmp_path):
        rows = "".join(f"{'ACGT' * n},{n % 2},{split}\n" for n, split in enumerate(["train"] * 4 + ["val", "test"], 2))
        job = 'model = "dnabert"\n[data]\nformat = "csv"\nfile = "all.csv"\n'
        prepared = run(job, {"all.csv": f"sequence,label,split\n{rows}".encode()}, tmp_path)
        assert read_splits(tmp_path)["validation"] == [{"id": "all.csv:5", "sequence": "ACGT" * 6, "label": "0"}]
        assert prepared.counts["train"]["classes"] == {"0": 2, "1": 2}

    @pytest.mark.parametrize("spell", [str.upper, str.lower])
    def test_rna_is_the_same_data_set_as_dna(self, tmp_path, spell):
        job = 'model = "dnabert"\n[data]\nformat = "csv"\nfile = "all.csv"\n'
        dna = [("ACGT" * n, n % 2, split) for n, split in enumerate(["train"] * 4 + ["val", "test"], 2)]
        rna = [(spell(text).replace("T", "U").replace("t", "u"), *rest) for text, *rest in dna]
        prepared = []
        for rows in (dna, rna):
            body = "sequence,label,split\n" + "".join(f"{text},{label},{split}\n" for text, label, split in rows)
            prepared.append(run(job, {"all.csv": body.encode()}, tmp_path))
        assert prepared[1].warnings == {"rna_read_as_dna": 6}
        assert prepared[0] == replace(prepared[1], warnings={})

    def test_a_sequence_in_two_splits_is_a_leak_in_any_spelling(self, tmp_path):
        job = 'model = "dnabert"\n[data]\nformat = "csv"\nfile = "all.csv"\n'
        body = b"sequence,label,split\nACGTACGT,0,train\nACGTTCGT,1,train\nACGTTTGT,1,val\nacguACGU,0,test\n"
        assert refusal(job, {"all.csv": body}, tmp_path).counts == {"leak": 1}

    def test_records_match_the_schema_of_train_py(self, proteins, tmp_path, repository):
        """The tests of model_code check the same schema."""
        jsonschema = pytest.importorskip("jsonschema")
        path = repository / "model_code/training_record.schema.json"
        if not path.exists():
            pytest.skip("there is no model_code/training_record.schema.json")
        run(FLIP, encode_data_set(proteins, ""), tmp_path)
        check = jsonschema.Draft202012Validator(json.loads(path.read_text()))
        for records in read_splits(tmp_path).values():
            for record in records:
                check.validate(record)

    def test_the_whole_flip_data_set_is_valid(self, shared_data, tmp_path):
        folder = shared_data / "proteins/flip_ss3/splits"
        bodies = {name: (folder / name).read_bytes() for name in ("sequences.fasta", "sampled.fasta", "mask.fasta")}
        prepared = run(FLIP, bodies, tmp_path)
        assert {split: counts["records"] for split, counts in prepared.counts.items()} == {
            "train": 9712,
            "validation": 1080,
            "test": 364,
        }
        assert sum(counts["classes"]["-"] for counts in prepared.counts.values()) == 186_876
        assert prepared.warnings == {}


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
    def test_faults_of_records(self, tmp_path, text, code):
        error = three_line(text, tmp_path)
        assert code in error.counts, error.counts
        assert all(fault.advice == ADVICE[fault.code] for fault in error.errors)

    def test_a_fault_has_its_place_and_no_sequence(self, tmp_path):
        error = three_line(THREE.replace("MKVAA", "MKVA"), tmp_path)
        assert (error.fault.name, error.fault.record, error.fault.line) == ("c", 3, 7)
        assert error.fault.message == "all.txt: 4 residues, 5 labels"
        assert "MKVA" not in str([fault.as_entry() for fault in error.errors])

    def test_eight_states_for_three(self, tmp_path):
        assert "eight states" in three_line(THREE.replace("HECCC", "HECGT"), tmp_path).fault.message

    def test_the_list_of_faults_is_bounded_and_their_counts_are_not(self, tmp_path):
        text = "".join(f">{number} SET=train\nMKV\nHECC\n" for number in range(3 * MOST))
        error = three_line(text, tmp_path)
        assert (len(error.errors), error.counts) == (MOST, {"length_mismatch": 3 * MOST})

    def test_the_files_of_flip_must_have_the_same_records(self, proteins, tmp_path):
        bodies = encode_data_set(proteins, "")
        missing = refusal(FLIP, bodies | {"mask.fasta": bodies["mask.fasta"].split(b">test-1")[0]}, tmp_path)
        assert (missing.fault.code, missing.fault.name) == ("no_partner", "test-1")
        extra = refusal(FLIP, bodies | {"sequences.fasta": bodies["sequences.fasta"] + b">more\nMKV\n"}, tmp_path)
        assert (extra.fault.code, extra.fault.name) == ("no_partner", "more")

    @pytest.mark.parametrize(
        ("kind", "body", "code"),
        [
            ("csv", b"sequence,labels\nMKV,HEC\n", "bad_table"),
            ("csv", b"", "bad_table"),
            ("csv", b'sequence,labels,split\n"MKV,HEC,train\n', "bad_table"),
            ("csv", b"sequence,sequence,labels,split\nMKV,MKV,HEC,train\n", "bad_table"),
            ("csv", b"\xff\xfe\x00", "bad_text"),
            ("csv", gzip.compress(b"sequence,labels,split\n", mtime=0)[:-4], "bad_text"),
            ("csv", b"sequence,labels,split\rMKV,HEC,train\r", "bad_table"),
            ("csv", b"x" * (LONGEST_FIELD + 1), "bad_table"),
            ("parquet", b"sequence,labels", "bad_table"),
            ("parquet", b"PAR1 and more PAR1", "bad_table"),
        ],
    )
    def test_faults_of_files(self, tmp_path, kind, body, code):
        assert refusal(f'{HEAD}format = "{kind}"\nfile = "all"', {"all": body}, tmp_path).fault.code == code

    @pytest.mark.parametrize(
        ("body", "code", "line"),
        [
            (b"sequence,labels,split\n\n\nMKV,HE,train\n", "length_mismatch", 4),
            (b'sequence,labels,split\n\n"MKV,HEC,train\n', "bad_table", 3),
            (b"sequence,labels,split\nMKV,HEC,train\n\xff\n", "bad_text", 3),
        ],
    )
    def test_a_fault_in_a_table_has_its_line_in_the_file(self, tmp_path, body, code, line):
        """Blank lines count as lines."""
        fault = refusal(f'{HEAD}format = "csv"\nfile = "all"', {"all": body}, tmp_path).fault
        assert (fault.code, fault.line) == (code, line)

    def test_a_data_set_is_bounded(self, proteins, tmp_path, monkeypatch):
        monkeypatch.setattr(line_reader.Budget.__init__, "__defaults__", (500,))
        assert refusal(FLIP, encode_data_set(proteins, ""), tmp_path).fault.code == "too_large"

    @given(st.binary(max_size=300), st.sampled_from(["three_line", "csv", "parquet"]))
    def test_arbitrary_bytes_are_refused_with_a_message(self, tmp_path_factory, body, kind):
        error = refusal(f'{HEAD}format = "{kind}"\nfile = "all"', {"all": body}, tmp_path_factory.mktemp("any"))
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
