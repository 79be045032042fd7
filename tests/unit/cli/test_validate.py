"""`seqdrop validate`: its output, and its exit status."""

import contextlib
import gzip
import io
import json
import os
import pty
import re
import subprocess
import sys

import boto3
import pytest
from rich.console import Console
from rich.progress import Progress, TransferSpeedColumn
from seqdrop.reads.check import Reading
from seqdrop_cli.main import main
from seqdrop_cli.progress_bar import MonitoredStream, columns

GOOD = b"@r1 1:N:0:A\nACGT\n+\nIIII\n@r2 1:N:0:A\nACGT\n+\nIIII\n"
MATE = GOOD.replace(b" 1:", b" 2:").replace(b"ACGT", b"GGCA")


@pytest.fixture
def file(tmp_path):
    def write(body: bytes, name: str = "a.fastq") -> str:
        path = tmp_path / name
        path.write_bytes(body)
        return str(path)

    return write


def report_of(capsys, *arguments: str) -> tuple[int, dict]:
    status = main(["validate", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_report_of_a_valid_file(file, capsys):
    status, report = report_of(capsys, file(gzip.compress(GOOD), "a.fastq.gz"))
    assert status == 0
    assert (report["valid"], report["errors"], report["counts"]) == (True, [], {})
    assert (report["qc"]["records"], report["qc"]["bases"]) == (2, 8)


@pytest.mark.parametrize(
    ("body", "alphabet", "words"),
    [
        (GOOD.replace(b"T", b"U"), "rna", "bases of RNA (U is read as T)"),
        (GOOD.replace(b"T", b"U", 1), "mixed", "bases of RNA and DNA (U is read as T)"),
    ],
)
def test_rna_is_reported(file, capsys, body, alphabet, words):
    name = file(body, "a.fastq")
    assert report_of(capsys, name)[1]["qc"]["alphabet"] == alphabet
    assert main(["validate", name]) == 0
    assert words in capsys.readouterr().out


def test_the_formats_that_can_be_validated_are_named(file, capsys):
    status, report = report_of(capsys, file(b"hello\n", "a.txt"))
    assert (status, report["errors"][0]["code"]) == (1, "wrong_format")
    assert "but FASTQ or FASTA or BAM is expected" in report["errors"][0]["message"]


def test_the_report_of_an_invalid_file(file, capsys):
    status, report = report_of(capsys, file(GOOD.replace(b"IIII\n@", b"III\n@")))
    assert status == 1
    (error,) = report["errors"]
    assert {key: error[key] for key in ("code", "record", "number", "line", "byte")} == {
        "code": "length_mismatch",
        "record": "r1",
        "number": 1,
        "line": 4,
        "byte": 19,
    }
    assert error["advice"]
    assert report["counts"] == {"length_mismatch": 1}


def test_the_output_holds_no_sequence(file, capsys):
    assert main(["validate", file(GOOD.replace(b"ACGT\n+\nIIII\n@", b"ACGTGATTACA\n+\nIIII\n@"))]) == 1
    printed = capsys.readouterr().out
    assert "length_mismatch at record 1, line 4" in printed
    assert "GATTACA" not in printed


def test_a_pair_is_checked(file, capsys):
    first, second = file(GOOD), file(MATE, "b.fastq")
    assert report_of(capsys, first, "--mate", second)[0] == 0
    status, report = report_of(capsys, second, "--mate", first)
    assert (status, report["valid"], report["counts"]) == (1, False, {"mates_swapped": 1})
    assert report["mate"]["valid"]
    assert main(["validate", first, "--mate", first]) == 1
    assert "mates_same_file" in capsys.readouterr().out


def test_the_read_that_is_out_of_step_is_named(file, capsys):
    reads = [b"@read%d\nACGT\n+\nIIII\n" % number for number in range(300)]
    others = b"".join(reads[:200] + reads[201:] + reads[200:201]).replace(b"ACGT", b"CCGT")
    first, second = file(b"".join(reads)), file(others, "b.fastq")
    status, report = report_of(capsys, first, "--mate", second)
    (error,) = report["errors"]
    place = {"code": "mates_out_of_step", "record": "read200", "number": 201, "line": 801}
    assert (status, {key: error[key] for key in place}) == (1, place)
    assert error["byte"] == len(b"".join(reads[:200]))


def test_standard_input_is_read(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    assert report_of(capsys, "-")[0] == 0


def test_an_object_of_s3_is_read(cloud, capsys):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="landing")
    s3.put_object(Bucket="landing", Key="reads/a b.fastq", Body=GOOD)
    assert report_of(capsys, "s3://landing/reads/a b.fastq")[0] == 0
    assert main(["validate", "s3://landing/absent.fastq"]) == 2


def read_general(folder) -> dict[str, dict]:
    """Return {sample: general statistics} of all files for MultiQC in a folder, as MultiQC joins them."""
    contents = [json.loads(path.read_text()) for path in folder.glob("*seqdrop_general_mqc.json")]
    samples = [sample for content in contents for sample in content["data"].items()]
    assert len(dict(samples)) == len(samples)
    return dict(samples)


def test_the_figures_for_multiqc_are_written(file, tmp_path, capsys):
    first, second = file(GOOD, "S1_R1.fastq"), file(MATE, "S1_R2.fastq")
    status, _ = report_of(capsys, first, "--mate", second, "--multiqc", str(tmp_path / "figures"))
    general = read_general(tmp_path / "figures")
    assert (status, sorted(general)) == (0, ["S1_R1", "S1_R2"])
    assert general["S1_R1"]["reads"] == 2


def test_figures_and_pages_are_added_to_those_of_earlier_calls(file, tmp_path, capsys):
    """Two runs with equal names do not collide; a file that is checked again replaces its own figures."""
    out = ["--multiqc", str(tmp_path / "figures"), "--html", str(tmp_path / "pages")]
    for run, reads in (("run1", 1), ("run2", 2), ("run3", 3), ("other/run3", 4), ("run2", 5)):
        (tmp_path / run).mkdir(exist_ok=True, parents=True)
        path = file(b"".join(b"@%d\nACGT\n+\nIIII\n" % number for number in range(reads)), f"{run}/S1.fastq.gz")
        main(["validate", path, *out])
    main(["validate", file(b">a\nACGT\n", "S1.fasta"), *out])
    main(["validate", file(b">a\nACGT\n", "S2.fasta"), *out])
    general = read_general(tmp_path / "figures")
    assert {name: figures["reads"] for name, figures in general.items()} == {
        "S1": 1,
        "run2_S1": 5,
        "run3_S1": 3,
        "other_run3_S1": 4,
        f"{tmp_path.name}_S1": 1,
        "S2": 1,
    }
    assert sorted(path.stem for path in (tmp_path / "pages").iterdir()) == sorted(general)


def test_figures_of_a_file_that_became_fasta_are_removed(file, tmp_path):
    folder = tmp_path / "figures"
    for body, figures in ((GOOD, 6), (b">a\nACGT\n", 2)):
        main(["validate", file(body, "a"), "--multiqc", str(folder)])
        assert len(list(folder.iterdir())) == figures


def test_a_terminal_shows_a_bar_and_finally_only_the_result(file):
    """The bar has the MB read; it is removed after the file was read."""
    records = b"".join(b"@r%d\n%b\n+\n%b\n" % (number, b"ACGT" * 25, b"I" * 100) for number in range(20_000))
    command = "import sys; from seqdrop_cli.main import main; sys.exit(main(sys.argv[1:]))"
    printed = run_on_terminal([sys.executable, "-c", command, "validate", file(records, "run7_R1.fastq")])
    assert re.search(r"run7_R1.fastq .*━.*/4\.2 MB", printed)
    assert "20,000 records" in printed


def test_the_bar_advances_as_the_file_is_read():
    assert any(isinstance(column, TransferSpeedColumn) for column in columns())  # MB/s
    with Progress(*columns(), console=Console(file=io.StringIO(), force_terminal=True)) as bar:
        monitored = MonitoredStream(io.BytesIO(GOOD), bar, bar.add_task("a.fastq", total=len(GOOD)))
        reading = Reading(monitored, ["fastq"])
        reading.run()
        assert (bar.tasks[0].completed, bar.tasks[0].finished) == (len(GOOD), True)


def test_no_bar_where_there_is_no_terminal(file, capsys):
    assert main(["validate", file(GOOD)]) == 0
    assert capsys.readouterr().err == ""


def run_on_terminal(command: list[str]) -> str:
    """Run a command in a terminal of its own; return its output."""
    reader, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    parts = []
    with contextlib.suppress(OSError):  # Linux raises it once the other end is closed
        while part := os.read(reader, 1 << 16):
            parts.append(part)
    os.close(reader)
    assert process.wait() == 0
    return b"".join(parts).decode()


def test_wrong_usage_is_one_line(file, capsys):
    assert main(["validate", "absent.fastq"]) == 2
    assert capsys.readouterr().err == "seqdrop: absent.fastq does not exist; check the path\n"
    assert main(["validate", "absent.fastq", file(GOOD), "gone_*.fastq"]) == 2
    expected = "seqdrop: absent.fastq does not exist; check the path; no file matches gone_*.fastq; check the pattern\n"
    assert capsys.readouterr().err == expected
    assert main(["validate"]) == 2
    expected = "seqdrop: the following arguments are required: FILE; see `seqdrop validate --help`\n"
    assert capsys.readouterr().err == expected


def test_a_report_page_is_written_for_each_file(file, tmp_path, capsys):
    first, second = file(GOOD, "a_R1.fastq.gz"), file(GOOD[:-5], "a_R2.fastq.gz")
    assert main(["validate", first, "--mate", second, "--html", str(tmp_path / "pages")]) == 1
    pages = {path.name: path.read_text() for path in (tmp_path / "pages").iterdir()}
    assert sorted(pages) == ["a_R1.html", "a_R2.html"]
    assert ("truncated" in pages["a_R1.html"], "truncated" in pages["a_R2.html"]) == (False, True)
