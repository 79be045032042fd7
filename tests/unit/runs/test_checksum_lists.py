"""Checksum lists: real ones of instruments, every form of md5sum, and what cannot be read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.reads.checksums import Checksums, algorithm_of, compute_checksums
from seqdrop.runs.checksum_lists import compare, in_order, is_checksum_list, parse_list
from seqdrop.runs.files import RunFileError

RUNS = Path(__file__).parents[3].parent / "shared" / "data" / "runs"
real = pytest.mark.skipif(not RUNS.is_dir(), reason="shared/data/runs, real run folders, is not beside the checkout")

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0\n\r\t\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1)
PARTS = NAMES.filter(lambda name: name.strip() == name and name not in (".", ".."))
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
CRC = st.integers(0, 2**32 - 1).map("{:08x}".format)
MD5, SHA256 = (st.binary(min_size=size, max_size=size).map(bytes.hex) for size in (16, 32))


def files_below(folder: Path) -> dict[str, Checksums]:
    """Return the checksums of the files below a folder, by path, computed from their bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): compute_checksums(path.read_bytes(), md5=True) for path in files}


def line_of(name: str, body: bytes) -> int | None:
    with pytest.raises(RunFileError) as caught:
        parse_list(name, body)
    assert caught.value.name == name
    assert name in str(caught.value)
    return caught.value.line


# -- lists of instruments --


@real
def test_the_manifest_of_a_novaseq_x_agrees_with_every_file_whose_bytes_are_there():
    run = RUNS / "novaseqx" / "20240531_LH00130_0061_A22CC55LT4"
    name = "Analysis/2/Manifest.tsv"
    listed = parse_list(name, (run / name).read_bytes())
    result = compare(listed, files_below(run))
    assert (listed.kind, listed.algorithm, len(listed.entries)) == ("illumina", "crc32", 645)
    assert listed.wrote == "Illumina on-board analysis, Manifest.tsv"
    assert listed.says == "as the sequencer wrote it"
    assert len(result.agreed) == 5  # four files with bytes, and one made here that the list says is empty
    assert "Analysis/2/Data/Secondary_Analysis_Complete.txt" in result.agreed
    assert not result.differing
    assert len(result.missing) == 640
    assert listed.entries["Analysis/2/Data/BCLConvert/fastq/Reports/RunInfo.xml"] == (
        compute_checksums((run / "RunInfo.xml").read_bytes()).crc32
    )


@real
def test_a_manifest_with_germline_and_somatic_analyses_lists_1730_files_and_91_empty_ones():
    listed = parse_list("Manifest.tsv", (RUNS / "novaseqx/manifest_germline_somatic/Manifest.tsv").read_bytes())
    assert len(listed.entries) == 1730
    assert sum(value == "00000000" for value in listed.entries.values()) == 91


@real
def test_the_output_hash_of_minknow_agrees_with_its_files():
    (run,) = (RUNS / "ont" / "made").rglob("output_hash_*.csv")
    name = run.relative_to(RUNS / "ont" / "made").as_posix()
    listed = parse_list(name, run.read_bytes())
    result = compare(listed, files_below(RUNS / "ont" / "made"))
    assert (listed.algorithm, len(result.agreed)) == ("sha256", 4)
    assert result.agreed == list(listed.entries)


@real
def test_every_transferdone_lists_as_many_paths_as_it_says_and_they_are_in_the_folder_of_its_cell():
    run = next((RUNS / "pacbio-revio").iterdir())
    rows = (run / "LISTING.tsv").read_text().splitlines()[1:]
    there = dict.fromkeys((row.split("\t")[0] for row in rows), Checksums())
    lists = sorted(run.rglob("*.transferdone"))
    assert len(lists) == 8
    for path in lists:
        listed = parse_list(path.relative_to(run).as_posix(), path.read_bytes())
        assert len(listed.entries) == int(path.read_text().split("nfiles: ")[1].split()[0])
        result = compare(listed, there)
        assert result.named == list(listed.entries)  # all are there, and none has a checksum
        assert listed.algorithm == ""


@real
def test_only_lists_of_the_real_runs_have_the_names_of_lists():
    names = {path.name for path in RUNS.rglob("*") if path.is_file() and is_checksum_list(path.name)}
    suffixes = {"Manifest.tsv" if name == "Manifest.tsv" else name.rpartition(".")[2] for name in names}
    assert suffixes == {"Manifest.tsv", "transferdone", "csv"}
    assert all(name.startswith("output_hash_") for name in names if name.endswith(".csv"))


def test_the_manifest_in_the_folder_of_a_run_is_known_by_the_length_of_its_values():
    body = b"Data/a.bcl\t" + b"0" * 32 + b"\nInterOp/b.bin\t" + b"1" * 32  # the last line has no end
    listed = parse_list("Manifest.tsv", body)
    assert (listed.algorithm, list(listed.entries)) == ("md5", ["Data/a.bcl", "InterOp/b.bin"])


def test_an_empty_file_has_the_crc_that_illumina_lists():
    listed = parse_list("Analysis/1/Manifest.tsv", b"Logs/Errors.log\t00000000\r\n")
    present = {"Analysis/1/Logs/Errors.log": compute_checksums(b"")}
    assert compare(listed, present).agreed == ["Analysis/1/Logs/Errors.log"]


def test_minknow_lists_files_without_a_hash_and_with_the_backslashes_of_windows():
    body = b"runid,file_hash,file_path\r\nr,,pod5\\a.pod5\r\nr," + b"a" * 64 + b",fastq_pass/b.fastq\r\n"
    listed = parse_list("g/s/output_hash_F_1_r.csv", body)
    assert listed.entries == {"g/s/pod5/a.pod5": "", "g/s/fastq_pass/b.fastq": "a" * 64}
    assert compare(listed, {"g/s/pod5/a.pod5": compute_checksums(b"1")}).named == ["g/s/pod5/a.pod5"]


# -- round trips --


@given(st.dictionaries(PATHS, CRC, min_size=1), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_manifest_tsv_is_read_as_it_was_written(files, end, ends):
    text = end.join(f"{path}\t{value}" for path, value in files.items()) + end * ends
    listed = parse_list("Analysis/3/Manifest.tsv", text.encode())
    assert listed.entries == {f"Analysis/3/{path}": value for path, value in files.items()}


@given(st.dictionaries(PATHS.filter(lambda path: "\\" not in path), st.just("") | SHA256, min_size=1))
def test_an_output_hash_is_read_as_it_was_written(files):
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerows([("runid", "file_hash", "file_path"), *(("r", value, path) for path, value in files.items())])
    assert parse_list("output_hash_x.csv", text.getvalue().encode()).entries == files


@given(st.dictionaries(PATHS, SHA256, min_size=2), st.sampled_from(["  ", " *"]), st.booleans())
def test_sums_are_read_as_they_were_written(files, blanks, is_bsd):
    write = "SHA256 ({1}) = {0}" if is_bsd else "{0}" + blanks + "{1}"
    lines = []
    for path, value in files.items():
        escaped = path.replace("\\", "\\\\")
        lines.append("\\" * (escaped != path) + write.format(value, escaped))
    assert parse_list("run/x.sha256", "\n".join(lines).encode()).entries == {f"run/{k}": v for k, v in files.items()}


@given(st.dictionaries(PATHS, st.tuples(st.none() | SHA256, st.none() | CRC), min_size=1))
def test_the_manifest_of_the_uploader_is_read_as_it_was_written(files):
    entries = []
    for path, (sha256, crc32) in files.items():
        entries.append({"name": path} | ({"sha256": sha256} if sha256 else {}) | ({"crc32": crc32} if crc32 else {}))
    listed = parse_list("seqdrop-manifest.json", json.dumps({"files": entries}).encode())
    assert listed.entries == {path: sha256 or crc32 or "" for path, (sha256, crc32) in files.items()}


@given(st.dictionaries(PATHS, st.binary(max_size=20), min_size=1), st.data())
def test_each_file_of_a_list_is_in_exactly_one_group(files, data):
    listed = parse_list(
        "Manifest.tsv", "".join(f"{path}\t{zlib.crc32(body):08x}\n" for path, body in files.items()).encode()
    )
    changed = data.draw(st.sets(st.sampled_from(sorted(files))))
    gone = data.draw(st.sets(st.sampled_from(sorted(files))))
    uncomputed = data.draw(st.sets(st.sampled_from(sorted(files)))) - gone
    present = {
        path: Checksums() if path in uncomputed else compute_checksums(body + b"!" * (path in changed))
        for path, body in files.items()
        if path not in gone
    }
    result = compare(listed, present)
    assert set(result.missing) == gone
    assert set(result.uncomputed) == uncomputed
    assert {each.name for each in result.differing} == changed - gone - uncomputed
    assert set(result.agreed) == files.keys() - changed - gone - uncomputed
    for each in result.differing:
        assert (each.listed, each.computed) == (listed.entries[each.name], present[each.name].crc32)


@pytest.mark.skipif(not shutil.which("md5sum"), reason="md5sum of coreutils is not installed")
@pytest.mark.parametrize("options", [[], ["--binary"], ["--tag"]])
def test_what_coreutils_writes_is_read(tmp_path, options):
    names = ["S1 (2)_R1.fastq.gz", "a  b", "back\\slash", "new\nline", "sub/é.txt"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * number)
    for tool in ("md5", "sha256"):
        output = subprocess.run([f"{tool}sum", *options, *names], cwd=tmp_path, stdout=subprocess.PIPE, check=True)
        listed = parse_list(f"{tool}sum.txt", output.stdout)
        assert listed.algorithm == tool
        assert sorted(compare(listed, files_below(tmp_path)).agreed) == sorted(names)


# -- sidecars --


@pytest.mark.parametrize("line", ["{0}\n", "{0}", "{0}  S1.bam\n", "{0} */data/run7/S1.bam\r\n", "MD5 (S1.bam) = {0}"])
@pytest.mark.parametrize("name", ["Data/S1.bam.md5", "Data/S1.bam.md5sum"])
def test_a_list_beside_its_only_file_may_have_any_path_of_it(name, line):
    value = hashlib.md5(b"1").hexdigest()
    assert parse_list(name, line.format(value).encode()).entries == {"Data/S1.bam": value}


def test_a_list_of_two_files_has_paths_below_its_folder():
    first, second = hashlib.md5(b"1").hexdigest(), hashlib.md5(b"2").hexdigest()
    body = f"{first}  S1.bam\n{second}  more/S1.bam\n".encode()
    assert parse_list("Data/S1.bam.md5", body).entries == {"Data/S1.bam": first, "Data/more/S1.bam": second}


# -- what cannot be read --


@pytest.mark.parametrize(
    ("name", "body", "line"),
    [
        ("Manifest.tsv", b"", None),
        ("Manifest.tsv", b"a\t00000000\nb 00000000\n", 2),
        ("Manifest.tsv", b"a\t0000\n", 1),
        ("Manifest.tsv", b"\na\t0000000g\n", 2),
        ("Manifest.tsv", b"a\t00000000\n\nb\t" + b"0" * 32, None),
        ("Manifest.tsv", b"a\t00000000\n../b\t00000000\n", 2),
        ("Manifest.tsv", b"/data/a\t00000000\n", 1),
        ("Manifest.tsv", b"a\t00000000\na\t00000001\n", 2),
        ("Manifest.tsv", b"a\t00000000\nb\xff\t00000001\n", 2),
        ("output_hash_x.csv", b"runid,file_path\nr,a\n", 1),
        ("output_hash_x.csv", b"file_path,file_hash\na," + b"0" * 64 + b"\nb\n", 3),
        ("output_hash_x.csv", b"file_path,file_hash\na,00000000\n", None),
        ("output_hash_x.csv", b"file_path,file_hash\na," + b"0" * 200_000 + b"\n", 2),
        ("m/m.transferdone", b"nothing\n", 1),
        ("m/m.transferdone", b"Transfer Manifest nfiles: 2\n/data/icc/m/a/b\n", 1),
        ("m/m.transferdone", b"Transfer Manifest nfiles: 1\n/data/icc/other/a/b\n", 2),
        ("m/m.transferdone", b"Transfer Manifest nfiles: 0\n", None),
        ("md5sum.txt", b"# comment\n" + b"0" * 32 + b"  a\n" + b"0" * 32 + b" b\n", 3),
        ("md5sum.txt", b"0" * 32 + b"  a\n" + b"0" * 32 + b"  /b\n", 2),
        ("md5sum.txt", b"0" * 64 + b"  a\n", None),
        ("x.sha256", b"0" * 32 + b"  a\n", None),
        ("seqdrop-manifest.json", b"{", None),
        ("seqdrop-manifest.json", b'{"files": [{"size": 1}]}', None),
        ("seqdrop-manifest.json", b'{"files": [{"name": "a", "crc32": 1}]}', None),
        ("seqdrop-manifest.json", b'{"files": []}', None),
        ("notes.txt", b"", None),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(name, body, line):
    assert line_of(name, body) == line


@given(st.sampled_from(["Manifest.tsv", "output_hash_.csv", "m.transferdone", "md5sum.txt", "seqdrop-manifest.json"]),
       st.binary() | st.text().map(str.encode))  # fmt: skip
def test_any_bytes_are_a_list_or_a_clear_error(name, body):
    with suppress(RunFileError):
        listed = parse_list(name, body)
        assert listed.entries
        assert not any(path.startswith("/") or ".." in path.split("/") for path in listed.entries)


def test_lists_of_sequencers_come_first():
    names = ["b/md5sum.txt", "Data/x.bcl", "seqdrop-manifest.json", "Analysis/1/Manifest.tsv", "c/output_hash_1.csv"]
    assert in_order(names) == [
        "Analysis/1/Manifest.tsv", "c/output_hash_1.csv", "seqdrop-manifest.json", "b/md5sum.txt",
    ]  # fmt: skip


@given(st.text())
def test_an_algorithm_is_known_by_its_digits(value):
    computed = compute_checksums(value.encode(), md5=True)
    assert [algorithm_of(computed.value(name)) for name in ("crc32", "md5", "sha256")] == ["crc32", "md5", "sha256"]
    assert algorithm_of("x" + computed.crc32[1:]) == ""
