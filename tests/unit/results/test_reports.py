"""The keys of the reports on an upload, and the name of its sample in MultiQC."""

import pytest
from seqdrop.ledger.records import Upload
from seqdrop.results.reports import sample_name, sample_path, write_reports
from seqdrop.uploads import UploadVersion
from seqdrop.work.examination import Examination

from tests.unit.report.samples import BODIES, read


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("reads/run1/S1_L001_R1_001.fastq.gz", "S1_L001_R1_001"),
        ("raw/a.b.FQ", "a.b"),
        ("contigs/assembly 1.fasta", "assembly 1"),
        ("raw/x.bam", "x"),
        ("raw/noted.txt", "noted.txt"),
        ("raw/.fastq", ".fastq"),
        ("raw/fastq.gz", "fastq"),
    ],
)
def test_a_sample_is_named_after_its_file_without_suffixes(key, name):
    assert sample_name(key) == name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("reads/run7/S1_L001_R1_001.fastq.gz", "run7 | S1_L001_R1_001"),
        ("reads/run8/S1_L001_R1_001.fastq.gz", "run8 | S1_L001_R1_001"),
        ("runs/run 9/Data//BaseCalls/S1.fastq", "run 9 | Data | BaseCalls | S1"),
        ("contigs/assembly 1.fasta", "assembly 1"),
    ],
)
def test_samples_of_two_runs_have_different_names(key, name):
    assert sample_path(key) == name


@pytest.mark.parametrize(
    ("body", "multiqc"),
    [
        ("short reads", ["gc", "general", "lengths", "quality", "read_quality", "read_quality_from_errors"]),
        ("fasta", ["general", "lengths"]),
    ],
)
def test_an_upload_has_a_report_a_page_and_files_for_multiqc(services, body, multiqc):
    upload = Upload.from_version(UploadVersion("landing", "raw/S1_R1.fastq", "v", 1, "e"), "raw")
    plan = services.analyses.by_name["raw"].as_json()
    write_reports(services.s3, "results", upload, Examination(upload.id, plan, read(BODIES[body])), {})
    objects = services.s3.list_objects_v2(Bucket="results")["Contents"]
    names = [f"reports/{upload.id}/seqdrop_{name}_mqc.json" for name in multiqc]
    assert [item["Key"] for item in objects] == sorted(
        [f"reports/{upload.id}.html", f"reports/{upload.id}.json", *names]
    )
    page = services.s3.get_object(Bucket="results", Key=f"reports/{upload.id}.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert b"S1_R1.fastq" in page["Body"].read()
