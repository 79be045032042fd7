"""`seqdrop validate` of folders, patterns and several files: which are checked, which are pairs, and the summary."""

import gzip
import io
import itertools
import json
import os
import sys
from pathlib import Path

import pytest
from seqdrop_cli.inputs import Unit, find_inputs, has_sequence_suffix, pair_files
from seqdrop_cli.main import main

GOOD = b"@r1 1:N:0:A\nACGT\n+\nIIII\n@r2 1:N:0:A\nACGT\n+\nIIII\n"
MATE = GOOD.replace(b" 1:", b" 2:").replace(b"ACGT", b"GGCA")
OTHER_MATE = MATE.replace(b"@r2", b"@r3")
BROKEN = GOOD[:-3]
PROTEIN = b">p\nMKVLAT\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a function that writes {path: body} to the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(files: dict[str, bytes]) -> None:
        for name, body in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)

    return write


RUN = {
    "run/S1_R1.fastq.gz": GOOD,
    "run/S1_R2.fastq.gz": MATE,
    "run/sub/S2_R1.fastq": GOOD,
    "run/sub/S2_R2.fastq": OTHER_MATE,
    "run/genome.fa": b">c\nACGT\n",
    "run/notes.md": b"> a note\n",
    "run/S1_R1.fastq.gz.md5": b"0\n",
    "run/.hidden/x.fastq": b"broken",
    "run/.x.fastq": b"broken",
}


def run(capsys, *words: str) -> tuple[int, str]:
    status = main(["validate", *words])
    return status, capsys.readouterr().out


def test_a_folder_is_checked_with_its_pairs(folder, capsys):
    folder(RUN)
    status, printed = run(capsys, "run")
    assert status == 1
    lines = printed.splitlines()
    assert [line for line in lines if line[0] in "✔✘"] == [
        "✔ run/S1_R1.fastq.gz: FASTQ, 2 records, 8 bases, GC 50.0%, mean quality 40.0, Q30 100.0%",
        "✔ run/S1_R2.fastq.gz: FASTQ, 2 records, 8 bases, GC 75.0%, mean quality 40.0, Q30 100.0%",
        "✔ pair S1_R1.fastq.gz + S1_R2.fastq.gz: fits, 2 reads in each, and their names agree",
        "✔ run/genome.fa: FASTA, 1 record, 4 bases, GC 50.0%",
        "✔ run/sub/S2_R1.fastq: FASTQ, 2 records, 8 bases, GC 50.0%, mean quality 40.0, Q30 100.0%",
        "✔ run/sub/S2_R2.fastq: FASTQ, 2 records, 8 bases, GC 75.0%, mean quality 40.0, Q30 100.0%",
        "✘ pair S2_R1.fastq + S2_R2.fastq: the files do not fit together",
    ]
    assert "mates_out_of_step at record 2" in printed
    assert lines[-2:] == [
        "5 files: 5 valid; 1 pair does not fit; 1 pair fits",
        "  not checked, because the suffix is not that of a sequence file: 2 (run/S1_R1.fastq.gz.md5, run/notes.md)",
    ]


@pytest.mark.parametrize(
    ("words", "status", "summary"),
    [
        (["run/S1_R1.fastq.gz", "run/S1_R2.fastq.gz"], 0, "2 files: 2 valid; 1 pair fits"),
        (["run/S1_R2.fastq.gz", "./run/S1_R1.fastq.gz"], 0, "2 files: 2 valid; 1 pair fits"),
        (["run/S1_*.fastq.gz"], 0, "2 files: 2 valid; 1 pair fits"),
        (["run/**/*.fastq"], 1, "2 files: 2 valid; 1 pair does not fit"),
        (["run/sub", "run/genome.fa"], 1, "3 files: 3 valid; 1 pair does not fit"),
        (["run/genome.fa", "run", "run/genome.fa"], 1, "5 files: 5 valid; 1 pair does not fit; 1 pair fits"),
        (["run/genome.fa", "run/notes.md"], 1, "2 files: 1 valid, 1 invalid"),
        (["run/.hidden/*.fastq"], 1, "1 file: 0 valid, 1 invalid"),
        (["run/sub/../gen*.fa"], 0, "1 file: 1 valid"),
        (["run/g[e]nome.f?"], 0, "1 file: 1 valid"),
    ],
)
def test_files_are_named_in_many_ways(folder, capsys, words, status, summary):
    folder(RUN)
    actual, printed = run(capsys, *words)
    assert (actual, summary in printed.splitlines()) == (status, True), printed


def test_absolute_patterns_and_names_with_brackets(folder, capsys, tmp_path):
    folder({"a[1].fastq": GOOD, "b c.fastq": GOOD, "*.fastq": GOOD})
    assert run(capsys, "a[1].fastq")[0] == 0
    assert (
        "1 file: 1 valid" not in run(capsys, "*.fastq")[1]
    )  # the name of a file comes before its meaning as a pattern
    assert "3 files: 3 valid" in run(capsys, f"{tmp_path}/*c*.fastq", ".")[1]


def test_a_single_file_has_no_summary_and_names_its_absent_mate(folder, capsys):
    folder(RUN)
    status, printed = run(capsys, "run/S1_R1.fastq.gz")
    assert (status, "files:" in printed) == (0, False)
    note = "  note S1_R2.fastq.gz is its mate by name, but not among these files; name both to check the pair"
    assert printed.splitlines()[1:] == [note]
    folder({"S9_R2.fq": MATE, "x_1.fq": GOOD})
    assert (
        "S9_R1.fq is its mate by name, but not among these files; the pair was not checked"
        in run(capsys, "S9_R2.fq")[1]
    )
    assert "note" not in run(capsys, "x_1.fq")[1]


PAIRS = {
    "fits": (GOOD, MATE),
    "does not fit": (GOOD, OTHER_MATE),
    "swapped": (MATE, GOOD),
    "the same file": (GOOD, GOOD),
    "unequal": (GOOD + GOOD.replace(b"@r", b"@s"), MATE),
}


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("names", [("S_R1.fastq", "S_R2.fastq"), ("S_R1.fq.gz", "S_R2.fastq"), ("S.R1.fq", "S.R2.fq")])
def test_a_pair_by_name_is_judged_as_with_mate(folder, capsys, kind, names):
    first, second = names
    folder(dict(zip(names, PAIRS[kind], strict=True)))
    status, by_name = run(capsys, first, second)
    explicit_status, explicit = run(capsys, first, "--mate", second)
    assert status == explicit_status == (0 if kind == "fits" else 1)
    assert explicit.splitlines() == by_name.splitlines()[:-1]


def test_names_with_a_number_may_be_two_samples(folder, capsys):
    single = GOOD.replace(b" 1:N:0:A", b"/1")
    folder({"s_1.fastq": single, "s_2.fastq": single.replace(b"@r", b"@t")})
    status, printed = run(capsys, "s_1.fastq", "s_2.fastq")
    assert status == 0
    assert "pair s_1.fastq + s_2.fastq: not compared: the read names in both files say the same mate" in printed
    assert printed.splitlines()[-1] == "2 files: 2 valid; 1 pair was not compared"


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["b_R2.fq", "a_R1.fq", "a_R2.fq", "b_R1.fq"], [("b_R1.fq", "b_R2.fq"), ("a_R1.fq", "a_R2.fq")]),
        (["a_R1.fq", "a_R1.fq.gz", "a_R2.fq"], []),
        (["x/a_R1.fq", "y/a_R2.fq"], []),
        (["a_L001_R1_001.fq", "a_L002_R2_001.fq"], []),
        (["a_R1_unpaired.fq", "a_R2_unpaired.fq"], []),
        (["a_I1_001.fq", "a_I2_001.fq"], []),
        (["-", "a_R1.fq", "s3://b/a_R2.fq"], []),
        (["s3://b/a_R1.fq", "s3://b/a_R2.fq"], [("s3://b/a_R1.fq", "s3://b/a_R2.fq")]),
        (["a_R1.fa", "a_R2.fa"], []),
    ],
)
def test_only_certain_names_are_pairs(names, pairs):
    units = pair_files(names)
    assert [(unit.first, unit.second) for unit in units if unit.second] == pairs
    assert sorted(itertools.chain.from_iterable(unit.names for unit in units)) == sorted(names)
    assert pair_files([]) == []
    assert pair_files(["a.fq"]) == [Unit("a.fq")]


@pytest.mark.parametrize("name", ["a.fastq", "a.FQ.GZ", "a.fa", "a.b.fna.bgz", "a.faa", "a.ubam", "a.fastq.1.gz"])
def test_names_of_sequence_files(name):
    assert has_sequence_suffix(name)


@pytest.mark.parametrize("name", ["a", "fastq", "a.fastq.md5", "a.gz", "a.fastq.gz.tmp", "a.txt", "job.toml", "a.1.gz"])
def test_names_of_other_files(name):
    assert not has_sequence_suffix(name)


def test_wrong_words_are_explained(folder, capsys):
    folder({"empty/notes.txt": b"x", "a.fastq": GOOD, "link_target": GOOD})
    Path("dangling.fastq").symlink_to("gone")
    for words, sentence in (
        (["empty"], "empty has no file with the suffix of a sequence file (.fastq, .fq, .fasta,"),
        (["empt*"], "empt* has no file with the suffix of a sequence file"),
        (["dangling.fastq"], "dangling.fastq does not exist; check the path"),
        (["a.fastq", "b.fastq"], "b.fastq does not exist; check the path"),
        (["a.fastq/b.fastq"], "a.fastq/b.fastq does not exist; check the path"),
        (["*.bam"], "no file matches *.bam; check the pattern"),
        (["a.fastq", "--mate", "empty/"], "empty/ has no file with the suffix"),
        (["a.fastq", "a.fastq", "--mate", "a.fastq"], "--mate needs one FILE and its mate"),
        (["a.*", "--mate", "a.fastq"], "--mate needs one FILE and its mate"),
    ):
        assert main(["validate", *words]) == 2
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
        assert sentence in printed.err
        assert "Errno" not in printed.err


def test_a_file_that_cannot_be_read_does_not_end_the_others(folder, capsys, monkeypatch):
    folder({"a.fastq": GOOD, "b.fastq": GOOD, "c.fastq": BROKEN})
    real_open = io.open

    def refuse(path, *arguments, **options):
        if str(path).endswith("b.fastq"):
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *arguments, **options)

    monkeypatch.setattr(io, "open", refuse)
    assert main(["validate", "."]) == 2
    printed = capsys.readouterr()
    assert printed.err == "seqdrop: b.fastq may not be opened; `ls -ld` shows who may read or write it\n"
    assert "3 files: 1 valid, 1 invalid, 1 could not be read" in printed.out
    assert "  invalid: c.fastq\n  could not be read: b.fastq\n" in printed.out
    assert main(["validate", ".", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert (report["valid"], report["unreadable"], len(report["files"])) == (False, ["b.fastq"], 2)


def test_json_of_several_files(folder, capsys):
    folder(RUN)
    status, printed = run(capsys, "run", "--json")
    report = json.loads(printed)
    assert (status, report["valid"], report["unreadable"]) == (1, False, [])
    files = [(entry["file"], entry["valid"], entry.get("mate", {}).get("file")) for entry in report["files"]]
    assert files == [
        ("run/S1_R1.fastq.gz", True, "run/S1_R2.fastq.gz"),
        ("run/genome.fa", True, None),
        ("run/sub/S2_R1.fastq", False, "run/sub/S2_R2.fastq"),
    ]
    assert report["files"][2]["counts"] == {"mates_out_of_step": 1}


def test_json_of_one_file_is_its_report(folder, capsys):
    folder(RUN)
    assert json.loads(run(capsys, "run/genome.fa", "--json")[1])["qc"]["records"] == 1
    assert "file" not in json.loads(run(capsys, "run/genome.fa", "--json")[1])
    assert [entry["file"] for entry in json.loads(run(capsys, "run/*.fa", "--json")[1])["files"]] == ["run/genome.fa"]


def test_standard_input_and_pipes_are_files(folder, capsys, monkeypatch):
    folder({"a.fastq": GOOD})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    status, printed = run(capsys, "-", "a.fastq")
    assert (status, printed.splitlines()[-1]) == (0, "2 files: 2 valid")
    reader, writer = os.pipe()
    os.write(writer, GOOD)
    os.close(writer)
    assert find_inputs([f"/dev/fd/{reader}"]).names == [f"/dev/fd/{reader}"]
    assert run(capsys, f"/dev/fd/{reader}")[0] == 0
    os.close(reader)


def test_the_same_names_in_two_folders_have_their_own_pages(folder, capsys, tmp_path):
    folder({"a/S1.fastq": GOOD, "b/S1.fastq": GOOD, "c/S1.fa": PROTEIN.replace(b"MKVL", b"ACGT")})
    run(capsys, "a", "b", "c", "--html", "pages")
    run(capsys, "a", "b", "c", "--html", "pages")
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["S1.html", "b_S1.html", "c_S1.html"]
