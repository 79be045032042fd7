"""Which settings of an analysis its work items depend on."""

from dataclasses import fields, replace
from io import BytesIO

import pytest
from seqdrop.config.analyses import Analysis
from seqdrop.config.job_settings import JobSettings
from seqdrop.kinds.plans import KINDS, packaged
from seqdrop.work.reading_pass import ReadingPass, make_reading
from seqdrop.work.reuse import OF_ANALYSIS, OF_JOB, have_equal_items

from tests.unit.stages.mates import fastq

READS = packaged().by_name["reads"]
OTHERS = {"model": "another", "k": 3, "threshold": 0.5, "label": "x", "distance": 7, "precision": "fp32"}
OTHERS |= {"short": "score", "max_n_fraction": 0.9, "prior": 0.01}


def with_use(**settings) -> Analysis:
    return replace(READS, settings=replace(READS.settings, **settings))


def items(analysis: Analysis) -> list[bytes]:
    reading = make_reading(BytesIO(fastq(1, range(9))), "a.fastq", analysis)
    return list(ReadingPass("ID", reading, analysis).items())


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_what_the_job_goes_by_leaves_the_work_as_it_was(name):
    other = with_use(**{name: OTHERS[name]})
    assert other != READS
    assert have_equal_items(READS, other)
    assert items(READS) == items(other)


@pytest.mark.parametrize("settings", [{"window": 60, "stride": 60}, {"stride": 9}, {"max_reads": 5}, {"seed": 9}])
def test_what_cuts_otherwise_is_told(settings):
    assert not have_equal_items(READS, with_use(**settings))


def test_so_is_the_size_of_shards_and_not_that_of_jobs():
    assert not have_equal_items(READS, replace(READS, job=replace(READS.job, shard_mb=1)))
    assert have_equal_items(READS, replace(READS, job=replace(READS.job, max_members=2, max_shards=9)))
    assert have_equal_items(READS, replace(READS, max_gb=1.0, mates="single", gate="run"))


def test_no_setting_is_named_that_is_not_there():
    for kind in KINDS.values():
        if kind.settings:
            assert {one.name for one in fields(kind.settings)} >= kind.no_effect_on_items
    assert {one.name for one in fields(JobSettings)} >= OF_JOB
    assert {one.name for one in fields(READS)} >= OF_ANALYSIS
