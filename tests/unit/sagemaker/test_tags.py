"""Every job has the tags by which AWS can split its cost, and none of them names a file or a folder."""

import re
from dataclasses import replace

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.models.code_bundles import Code
from seqdrop.sagemaker.requests.processing import processing_request
from seqdrop.sagemaker.requests.transform import transform_request
from seqdrop.sagemaker.tags import cost_tags, run_id
from seqdrop.uploads import upload_id

RUN = "reads/Müller Jürgen 1970-01-01 #7/"


def as_dict(tags: list[dict]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def member(number: int, run: str = RUN) -> Attempt:
    return Attempt("PLANNED", upload_id=upload_id("b", f"{run}{number}", "v"), analysis="reads", run=run, shards=1)


def transform_tags(services, *members: Attempt) -> dict[str, str]:
    analysis = packaged().by_name["reads"]
    return as_dict(transform_request(services.settings, analysis, "seqdrop-x", "m", list(members))["Tags"])


def test_a_transform_job_has_the_tags_of_its_members(services):
    first, second = member(1), member(2)
    assert transform_tags(services, first, second) == {
        "seqdrop:analysis": "reads",
        "seqdrop:upload": first.upload_id,
        "seqdrop:run": run_id(RUN),
        "seqdrop:members": "2",
    }
    assert transform_tags(services, first, member(2, "reads/other/"))["seqdrop:run"] == "several"
    assert transform_tags(services, first, member(2, ""))["seqdrop:run"] == "several"
    assert "seqdrop:run" not in transform_tags(services, member(1, ""))


def test_a_processing_job_has_the_tags_of_its_upload(services):
    upload = Upload("RECEIVED", id="A" * 26, analysis="raw", run=RUN, size=1)
    settings = replace(services.settings, processing_instance_type="ml.m5.xlarge")
    tags = as_dict(processing_request(settings, "seqdrop-examine-x-1", upload, Code("p/", "d"), "us-east-1")["Tags"])
    assert tags == {"seqdrop:analysis": "raw", "seqdrop:upload": "A" * 26, "seqdrop:run": run_id(RUN)}


@pytest.mark.parametrize("folder", [RUN, "reads/" + "x" * 1000 + "/", "reads/\x00/", "reads/日本/"])
def test_a_tag_identifies_a_run_but_does_not_name_it(folder):
    (value,) = (tag["Value"] for tag in cost_tags("reads", "A" * 26, [folder]) if tag["Key"] == "seqdrop:run")
    assert re.fullmatch("[A-Z2-7]{26}", value)
    assert run_id(folder) == value != run_id(folder + "x/")
