"""MultiQC reads and displays the files of `seqdrop validate --multiqc`."""

import json
import shutil
import subprocess

import pytest
from seqdrop.reads.multiqc import make_custom_content
from seqdrop.results.reports import sample_path
from seqdrop_cli.main import main

from tests.unit.report.samples import BODIES, read

RECORDS = b"".join(b"@r%d\n%b\n+\n%b\n" % (number, b"ACGTN" * 10, b"IIFF#" * 10) for number in range(100))


def test_multiqc_shows_the_figures(tmp_path):
    if not shutil.which("multiqc"):
        pytest.skip("MultiQC is not on the PATH")
    (tmp_path / "S1_R1.fastq").write_bytes(RECORDS)
    figures, out = tmp_path / "figures", tmp_path / "out"
    assert main(["validate", str(tmp_path / "S1_R1.fastq"), "--multiqc", str(figures)]) == 0
    subprocess.run(["multiqc", "--quiet", "--outdir", str(out), str(figures)], check=True, capture_output=True)
    header, row = (out / "multiqc_data/multiqc_general_stats.txt").read_text().splitlines()
    values = dict(zip((name.rpartition("-")[2] for name in header.split("\t")), row.split("\t"), strict=True))
    assert (values["Sample"], float(values["reads"]), float(values["bases"])) == ("S1_R1", 100, 5000)
    assert (float(values["mean_quality"]), float(values["mean_quality_from_errors"])) == (31.2, 8.99)
    for plot in ("quality", "gc", "lengths", "read_quality", "read_quality_from_errors"):
        assert (out / f"multiqc_data/multiqc_seqdrop_{plot}_plot.txt").is_file()


def test_multiqc_shows_samples_of_several_calls(tmp_path):
    """Two runs have files of the same name; both are shown."""
    if not shutil.which("multiqc"):
        pytest.skip("MultiQC is not on the PATH")
    figures, out = tmp_path / "figures", tmp_path / "out"
    for run in ("run1", "run2"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "S1.fastq").write_bytes(RECORDS)
        assert main(["validate", str(tmp_path / run), "--multiqc", str(figures)]) == 0
    subprocess.run(["multiqc", "--quiet", "--outdir", str(out), str(figures)], check=True, capture_output=True)
    for table in ("multiqc_general_stats", "multiqc_seqdrop_quality_plot"):
        lines = (out / f"multiqc_data/{table}.txt").read_text().splitlines()
        assert [line.split("\t")[0] for line in lines] == ["Sample", "S1", "run2_S1"]


def test_multiqc_shows_the_same_sample_of_two_runs(tmp_path):
    """As their reports are in the results bucket: a folder for each upload, with the same file names."""
    if not shutil.which("multiqc"):
        pytest.skip("MultiQC is not on the PATH")
    out = tmp_path / "out"
    for run in ("run7", "run8"):
        folder = tmp_path / "reports" / run
        folder.mkdir(parents=True)
        report = read(BODIES["short reads"])
        for name, content in make_custom_content({sample_path(f"reads/{run}/S1.fastq.gz"): report}).items():
            (folder / name).write_text(json.dumps(content))
    subprocess.run(
        ["multiqc", "--quiet", "--outdir", str(out), str(tmp_path / "reports")], check=True, capture_output=True
    )
    for table in ("multiqc_general_stats", "multiqc_seqdrop_quality_plot"):
        lines = (out / f"multiqc_data/{table}.txt").read_text().splitlines()
        assert [line.split("\t")[0] for line in lines] == ["Sample", "run7 | S1", "run8 | S1"]
