"""`seqdrop validate` of sample sheets: alone, with the file of its run, and in a folder."""

import io
import json

import boto3
import pytest
from seqdrop_cli.errors import CommandError
from seqdrop_cli.main import main
from seqdrop_cli.sheet_validation import read_sheet

SOUND = "[Header]\nFileFormatVersion,2\n[BCLConvert_Data]\nLane,Sample_ID,Index\n1,S1,AAAAAAAA\n1,S2,CCCCCCCC\n"
TWICE = SOUND.replace("CCCCCCCC", "AAAAAAAA")
RUN_INFO = (
    '<RunInfo><Run Id="run-7" Number="1"><Flowcell>F</Flowcell><Instrument>M00001</Instrument><Reads>'
    '<Read Number="1" NumCycles="151" IsIndexedRead="N"/><Read Number="2" NumCycles="6" IsIndexedRead="Y"/>'
    '</Reads><FlowcellLayout LaneCount="1"/></Run></RunInfo>'
)
FASTQ = "@r1\nACGT\n+\nIIII\n"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that writes files, runs `seqdrop validate`, and returns (status, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def validate(files: dict[str, str | bytes], *arguments: str) -> tuple[int, str, str]:
        for name, body in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body if isinstance(body, bytes) else body.encode())
        status = main(["validate", *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return validate


def test_a_sound_sheet(run):
    assert run({"SampleSheet.csv": SOUND}, "SampleSheet.csv") == (
        0, "✔ SampleSheet.csv: sample sheet (Illumina v2), 2 samples in 2 rows\n", "")  # fmt: skip


def test_an_error_has_its_line_and_its_advice(run):
    status, printed, _ = run({"SampleSheet.csv": TWICE}, "SampleSheet.csv")
    assert status == 1
    assert printed.splitlines() == [
        "✘ SampleSheet.csv: sample sheet (Illumina v2), 2 samples in 2 rows",
        "  error index_repeated at line 6: it has the same index as line 5 (S1) in lane 1",
        "    Two samples of a lane must differ in their index. Correct one of them.",
    ]


def test_a_sheet_that_cannot_be_read(run):
    status, printed, _ = run({"SampleSheet.csv": SOUND + "2,S3,ACGT,x\n"}, "SampleSheet.csv")
    assert status == 1
    assert "✘ SampleSheet.csv: sample sheet that cannot be read\n  error sheet_unreadable at line 7: a cell" in printed


def test_a_sheet_is_recognised_by_its_content(run):
    assert run({"plan.csv": SOUND}, "plan.csv")[0] == 0
    assert "wrong_format" in run({"plan.csv": "a,b\n"}, "plan.csv")[1]


@pytest.mark.parametrize("option", [[], ["--run-info", "other/RunInfo.xml"]])
def test_the_file_of_the_run_is_beside_the_sheet_or_named(run, option):
    place = "other/RunInfo.xml" if option else "RunInfo.xml"
    status, printed, _ = run({"SampleSheet.csv": SOUND, place: RUN_INFO}, "SampleSheet.csv", *option)
    assert status == 1
    assert "compared with run run-7" in printed
    assert "index_too_long at line 5: the index has 8 bases, but I1 of the run has 6 index cycles" in printed


def test_the_run_parameters_of_an_aviti_can_be_named(run):
    parameters = json.dumps({"FileVersion": "5.0.0", "RunFolderName": "run-8", "Cycles": {"I1": 4, "R1": 151}})
    manifest = "[Samples]\nSampleName,Index1\nS1,AAAAA\n"
    status, printed, _ = run({"RunManifest.csv": manifest, "RunParameters.json": parameters}, "RunManifest.csv")
    assert status == 1
    assert "sample sheet (AVITI), 1 sample in 1 row, compared with run run-8" in printed
    assert "I1 of the run has 4 index cycles" in printed


def test_a_broken_file_of_the_run_is_an_error_only_if_it_was_named(run):
    files = {"SampleSheet.csv": SOUND, "RunInfo.xml": "<RunInfo"}
    status, printed, note = run(files, "SampleSheet.csv")
    assert (status, "RunInfo.xml beside SampleSheet.csv was not used" in note) == (0, True)
    status, printed, note = run(files, "SampleSheet.csv", "--run-info", "RunInfo.xml")
    assert (status, printed) == (2, "")
    assert "name the run's RunInfo.xml with --run-info" in note
    assert run(files, "SampleSheet.csv", "--run-info", "absent.xml")[0] == 2


def test_the_report_as_json(run):
    status, printed, _ = run({"SampleSheet.csv": TWICE}, "SampleSheet.csv", "--json")
    report = json.loads(printed)
    assert status == 1
    assert {key: report[key] for key in ("format", "kind", "valid", "samples", "rows", "run", "counts")} == {
        "format": "sample_sheet", "kind": "illumina v2", "valid": False, "samples": 2, "rows": 2, "run": None,
        "counts": {"index_repeated": 1}}  # fmt: skip
    assert (report["errors"][0]["code"], report["errors"][0]["record"], report["errors"][0]["line"]) == (
        "index_repeated", "S2", 6)  # fmt: skip


def test_the_sheets_of_a_folder_are_checked_with_its_sequences(run):
    files = {"run/SampleSheet.csv": TWICE, "run/S1_R1.fastq": FASTQ, "run/pipeline/samplesheet.csv": "sample,fastq_1\n"}
    status, printed, _ = run(files, "run")
    assert status == 1
    assert "2 files: 1 valid, 1 invalid" in printed
    assert "not checked, because the suffix is not that of a sequence file: 1 (run/pipeline/samplesheet.csv)" in printed
    document = json.loads(run(files, "run", "--json")[1])
    assert [(report["file"], report["valid"]) for report in document["files"]] == [
        ("run/SampleSheet.csv", False), ("run/S1_R1.fastq", True)]  # fmt: skip


def test_a_stream_in_short_pieces_is_read_whole(monkeypatch):
    class Slow(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            return super().read(min(size, 7))

    assert read_sheet(Slow(SOUND.encode()), "s") == SOUND.encode()
    monkeypatch.setattr("seqdrop_cli.sheet_validation.LARGEST_SHEET", len(SOUND))
    assert read_sheet(Slow(SOUND.encode()), "s") == SOUND.encode()
    with pytest.raises(CommandError, match="too large for a sample sheet"):
        read_sheet(Slow(SOUND.encode() + b"x"), "s")


def test_a_sheet_in_a_bucket(cloud, capsys):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="landing")
    s3.put_object(Bucket="landing", Key="runs/r/SampleSheet.csv", Body=TWICE.encode())
    assert main(["validate", "s3://landing/runs/r/SampleSheet.csv"]) == 1
    assert "error index_repeated at line 6" in capsys.readouterr().out


def test_many_findings_are_counted(run):
    rows = "".join(f"1,S{number},AAAAAAAA\n" for number in range(40))
    printed = run({"SampleSheet.csv": SOUND.split("1,S1")[0] + rows}, "SampleSheet.csv")[1]
    assert printed.count("error index_repeated") == 20
    assert "in all: index_repeated 39" in printed
