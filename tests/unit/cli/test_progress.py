"""The progress of an upload that a processing job examines."""

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import EXAMINE, Job, Upload
from seqdrop.sagemaker.names import examination_name
from seqdrop.uploads import UploadVersion
from seqdrop_cli.progress import read_progress

VERSION = UploadVersion("landing", "raw/large.fastq", "v", 3_000_000_000, "e")


@pytest.fixture
def progress_after(ledger):
    """Return a function for the progress of an upload after processing jobs in these states."""
    ledger.create(Upload.from_version(VERSION, "raw"))

    def read(*states: str):
        for number, state in enumerate(states, start=1):
            name = examination_name(VERSION.id, number)
            plan = packaged().by_name["raw"].as_json()
            ledger.create(Job("PLANNED", name=name, task=EXAMINE, upload=VERSION.id, plan=plan))
            if state != "PLANNED":
                ledger.move(ledger.find_job(name), state, reason="its reason" if state == "FAILED" else "")
        return read_progress(ledger, VERSION.id, VERSION.key, VERSION.size)

    return read


@pytest.mark.parametrize(
    ("jobs", "state", "is_final"),
    [
        ((), "RECEIVED", False),
        (("PLANNED",), "EXAMINING", False),
        (("STARTED",), "EXAMINING", False),
        (("FAILED",), "RECEIVED", False),
        (("FAILED", "STARTED"), "EXAMINING", False),
        (("DONE",), "RECEIVED", False),
        (("FAILED", "FAILED"), "UNEXAMINED", True),
        (("STOPPED",), "UNEXAMINED", True),
    ],
)
def test_the_state_follows_the_jobs(progress_after, jobs, state, is_final):
    progress = progress_after(*jobs)
    assert (progress.state, progress.is_final) == (state, is_final)


def test_the_detail_is_the_name_of_the_job_and_then_its_reason(progress_after):
    assert progress_after("STARTED").detail == examination_name(VERSION.id, 1)
    assert progress_after("FAILED", "FAILED").detail == "its reason"


def test_the_job_is_no_longer_shown_after_validation(progress_after, ledger):
    progress_after("DONE")
    ledger.move(ledger.find_upload(VERSION.id), "VALIDATED", records=7)
    progress = read_progress(ledger, VERSION.id, VERSION.key, VERSION.size)
    assert (progress.state, progress.detail, progress.job) == ("VALIDATED", "7 records", None)
