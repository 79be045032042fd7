"""Samples of a workflow: their files by lane, sample sheets, and the values of placeholders."""

import pytest
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.records import Upload
from seqdrop.stages.workflow.samples import Sample, fill_parameters, find_values, format_sheet, stem_of, tidy

COLUMNS = {"sample": "{sample}", "fastq_1": "{read1}", "fastq_2": "{read2}", "strandedness": "auto"}


def sample(name: str, *keys: str) -> Sample:
    return Sample.of(name, [Upload("VALIDATED", bucket="b", key=key) for key in keys])


LANES = sample("S1", *(f"r/S1_S1_L00{lane}_R{read}_001.fastq.gz" for read in (2, 1) for lane in (1, 2)))


def test_a_sheet_has_a_row_for_each_lane_with_the_first_mate_first():
    rows = format_sheet([LANES, sample("S2", "r/S2.fastq.gz")], COLUMNS, "run7").splitlines()
    assert rows == [
        "sample,fastq_1,fastq_2,strandedness",
        "S1,s3://b/r/S1_S1_L001_R1_001.fastq.gz,s3://b/r/S1_S1_L001_R2_001.fastq.gz,auto",
        "S1,s3://b/r/S1_S1_L002_R1_001.fastq.gz,s3://b/r/S1_S1_L002_R2_001.fastq.gz,auto",
        "S2,s3://b/r/S2.fastq.gz,,auto",
    ]


def test_names_with_commas_are_quoted():
    assert format_sheet([sample("a,b", "x.fastq")], {"sample": "{sample}"}, "") == 'sample\n"a,b"\n'


def test_values_are_those_of_all_lanes_in_order():
    values = find_values([LANES], "run7", "s3://b/sheet")
    assert values["reads1"] == [f"s3://b/r/S1_S1_L00{lane}_R1_001.fastq.gz" for lane in (1, 2)]
    assert values["reads2"] == [f"s3://b/r/S1_S1_L00{lane}_R2_001.fastq.gz" for lane in (1, 2)]
    assert (values["sample"], values["run"], values["samplesheet"]) == ("S1", "run7", "s3://b/sheet")
    assert "read1" not in values


def test_a_single_read_of_several_lanes_is_refused_with_advice():
    with pytest.raises(JobRefusedError, match="use {reads1} and {reads2}, or {samplesheet}"):
        fill_parameters({"r": "{read1}"}, find_values([LANES], "", ""))


def test_names_lose_suffixes_and_white_space():
    assert (stem_of("a.b.fastq.gz"), stem_of("x.bam"), tidy(" my sample ")) == ("a.b", "x", "my_sample")
