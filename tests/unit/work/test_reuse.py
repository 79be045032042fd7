"""Two analyses share work items if they differ only in settings that do not affect them."""

from dataclasses import fields, replace
from io import BytesIO

import pytest
from seqdrop.config.analyses import Analysis
from seqdrop.config.job_settings import JobSettings
from seqdrop.config.promotion import Promotion
from seqdrop.kinds.plans import KINDS, from_json, packaged
from seqdrop.work.reading_pass import ReadingPass, make_reading
from seqdrop.work.reuse import OF_ANALYSIS, OF_JOB, have_equal_items

from tests.unit.stages.mates import fastq

READS = packaged().by_name["reads"]
OTHERS = {"model": "another", "k": 3, "threshold": 0.5, "label": "x", "distance": 7, "precision": "fp32"}
OTHERS |= {"short": "score", "max_n_fraction": 0.9, "prior": 0.01}


def with_settings(**settings) -> Analysis:
    return replace(READS, settings=replace(READS.settings, **settings))


def make_items(analysis: Analysis) -> list[bytes]:
    reading = make_reading(BytesIO(fastq(1, range(9))), "a.fastq", analysis)
    return list(ReadingPass("ID", reading, analysis).items())


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_settings_of_the_job_or_the_results_do_not_change_work_items(name):
    other = with_settings(**{name: OTHERS[name]})
    assert other != READS
    assert have_equal_items(READS, other)
    assert make_items(READS) == make_items(other)


@pytest.mark.parametrize("settings", [{"window": 60, "stride": 60}, {"stride": 9}, {"max_reads": 5}, {"seed": 9}])
def test_settings_that_change_work_items_are_detected(settings):
    assert not have_equal_items(READS, with_settings(**settings))


def test_the_size_of_shards_changes_work_items_but_the_size_of_jobs_does_not():
    assert not have_equal_items(READS, replace(READS, job=replace(READS.job, shard_mb=1)))
    assert have_equal_items(READS, replace(READS, job=replace(READS.job, max_members=2, max_shards=9)))
    assert have_equal_items(READS, replace(READS, max_gb=1.0, mates="single", gate="run"))


def test_every_listed_setting_exists():
    for kind in KINDS.values():
        if kind.settings:
            assert {field.name for field in fields(kind.settings)} >= kind.no_effect_on_items
    assert {field.name for field in fields(JobSettings)} >= OF_JOB
    assert {field.name for field in fields(READS)} >= OF_ANALYSIS


def test_the_promotion_of_trained_models_and_the_speed_do_not_change_work_items():
    """No plan holds them, so after an upgrade every stored plan would differ from analyses.toml."""
    stored = from_json(READS.as_json())
    now = replace(READS, promotion=Promotion(min_mcc=0.9), job=replace(READS.job, windows_per_second=7.0))
    assert have_equal_items(stored, now)
    assert all(have_equal_items(from_json(each.as_json()), each) for each in packaged().by_name.values())
