"""`seqdrop validate`: what it prints, and its exit status."""

import gzip
import io
import json
import sys

import boto3
import pytest
from seqdrop_cli.main import main

GOOD = b"@r1 1:N:0:A\nACGT\n+\nIIII\n@r2 1:N:0:A\nACGT\n+\nIIII\n"
MATE = GOOD.replace(b" 1:", b" 2:").replace(b"ACGT", b"GGCA")


@pytest.fixture
def file(tmp_path):
    def write(body: bytes, name: str = "a.fastq") -> str:
        path = tmp_path / name
        path.write_bytes(body)
        return str(path)

    return write


def report(capsys, *arguments: str) -> tuple[int, dict]:
    status = main(["validate", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_valid_file(file, capsys):
    status, found = report(capsys, file(gzip.compress(GOOD), "a.fastq.gz"))
    assert status == 0
    assert (found["valid"], found["errors"], found["counts"]) == (True, [], {})
    assert (found["qc"]["records"], found["qc"]["bases"]) == (2, 8)


def test_an_invalid_file(file, capsys):
    status, found = report(capsys, file(GOOD.replace(b"IIII\n@", b"III\n@")))
    assert status == 1
    (error,) = found["errors"]
    assert {key: error[key] for key in ("code", "record", "number", "line", "byte")} == {
        "code": "length_mismatch",
        "record": "r1",
        "number": 1,
        "line": 4,
        "byte": 19,
    }
    assert error["advice"]
    assert found["counts"] == {"length_mismatch": 1}


def test_what_a_person_reads_holds_no_sequence(file, capsys):
    assert main(["validate", file(GOOD.replace(b"ACGT\n+\nIIII\n@", b"ACGTGATTACA\n+\nIIII\n@"))]) == 1
    printed = capsys.readouterr().out
    assert "length_mismatch at record 1, line 4" in printed
    assert "GATTACA" not in printed


def test_a_pair(file, capsys):
    first, second = file(GOOD), file(MATE, "b.fastq")
    assert report(capsys, first, "--mate", second)[0] == 0
    status, found = report(capsys, second, "--mate", first)
    assert (status, found["valid"], found["counts"]) == (1, False, {"mates_swapped": 1})
    assert found["mate"]["valid"]
    assert main(["validate", first, "--mate", first]) == 1
    assert "mates_same_file" in capsys.readouterr().out


def test_the_read_out_of_step_is_told_itself(file, capsys):
    reads = [b"@read%d\nACGT\n+\nIIII\n" % number for number in range(300)]
    others = b"".join(reads[:200] + reads[201:] + reads[200:201]).replace(b"ACGT", b"CCGT")
    first, second = file(b"".join(reads)), file(others, "b.fastq")
    status, found = report(capsys, first, "--mate", second)
    (error,) = found["errors"]
    place = {"code": "mates_out_of_step", "record": "read200", "number": 201, "line": 801}
    assert (status, {key: error[key] for key in place}) == (1, place)
    assert error["byte"] == len(b"".join(reads[:200]))


def test_standard_input(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    assert report(capsys, "-")[0] == 0


def test_an_object_of_s3(cloud, capsys):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="landing")
    s3.put_object(Bucket="landing", Key="reads/a b.fastq", Body=GOOD)
    assert report(capsys, "s3://landing/reads/a b.fastq")[0] == 0
    assert main(["validate", "s3://landing/absent.fastq"]) == 2


def test_usage(file, capsys):
    assert main(["validate", "absent.fastq"]) == 2
    assert "absent.fastq" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["validate"])
    assert caught.value.code == 2
