"""What the table and the lines say of an upload that a job examines."""

import pytest
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.records import EXAMINE, Job, Upload
from seqdrop.sagemaker.names import examination_name
from seqdrop.uploads import UploadVersion
from seqdrop_cli.progress import read_progress

VERSION = UploadVersion("landing", "raw/large.fastq", "v", 3_000_000_000, "e")


@pytest.fixture
def shown(ledger):
    ledger.create(Upload.received(VERSION, "raw"))

    def show(*ends: str):
        for number, end in enumerate(ends, start=1):
            name = examination_name(VERSION.id, number)
            plan = packaged().by_name["raw"].as_json()
            ledger.create(Job("PLANNED", name=name, task=EXAMINE, upload=VERSION.id, plan=plan))
            if end != "PLANNED":
                ledger.move(ledger.find_job(name), end, reason=f"{end} it is" if end == "FAILED" else "")
        return read_progress(ledger, VERSION.id, VERSION.key, VERSION.size)

    return show


@pytest.mark.parametrize(
    ("ends", "state", "ended"),
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
def test_an_upload_in_a_job(shown, ends, state, ended):
    one = shown(*ends)
    assert (one.state, one.ended) == (state, ended)


def test_the_job_is_named_and_then_its_reason(shown):
    assert shown("STARTED").detail == examination_name(VERSION.id, 1)
    assert shown("FAILED", "FAILED").detail == "FAILED it is"


def test_once_it_is_settled_the_job_is_no_more_of_interest(shown, ledger):
    shown("DONE")
    ledger.move(ledger.find_upload(VERSION.id), "VALIDATED", records=7)
    one = read_progress(ledger, VERSION.id, VERSION.key, VERSION.size)
    assert (one.state, one.detail, one.job) == ("VALIDATED", "7 records", None)
