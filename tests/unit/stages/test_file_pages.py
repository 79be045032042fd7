"""The page of a file after its end: its results, its receipt and its state, with the counts of the files beside it."""

import json
from dataclasses import replace

import pytest
from seqdrop.errors import Fault, InvalidFileError
from seqdrop.report.page import render_page
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.file_pages import refresh_page
from seqdrop.stages.finish.finish import finish
from seqdrop.stages.notifications import reject
from seqdrop.work.examination import rejection

from tests.support.html_checks import Page, check_page
from tests.unit.report.samples import BODIES, read
from tests.unit.stages.finish.test_finish import NAME, job, put_outputs, with_job_status  # noqa: F401 - a fixture

BODY = BODIES["fasta"]


@pytest.fixture
def upload(services, job):  # noqa: F811
    """Return the first member's upload, with its object, its report and its first page."""
    landed = services.s3.put_object(Bucket="landing", Key="contigs/a", Body=BODY)
    identity = job[0].split("-")[0]
    upload = services.ledger.require_upload(identity)
    report = {"upload": identity, "key": upload.key, **read(BODY)}
    report["selection"] = {"analysis": "contigs", "records": 3, "taken": 3, "max_reads": None}
    services.put_json("results", f"reports/{identity}.json", report)
    services.s3.put_object(Bucket="results", Key=f"reports/{identity}.html", Body=render_page(report, "a").encode())
    services.ledger.note(
        upload, format="fasta", sha256=report["sha256"], size=len(BODY), version_id=landed["VersionId"]
    )
    return services.ledger.require_upload(identity)


def page_of(services, upload) -> Page:
    key = f"reports/{upload.id}.html"
    return check_page(services.s3.get_object(Bucket="results", Key=key)["Body"].read().decode())


def predict(services, job) -> None:  # noqa: F811
    for key in job:
        put_outputs(services, key)
    finish(with_job_status(services, "Completed"), NAME)


def result(services, upload, name: str) -> str:
    return services.s3.get_object(Bucket="results", Key=f"results/contigs/{upload.id}/{name}")["Body"].read().decode()


def test_counts_on_the_page_are_those_of_the_files_beside_it(services, job, upload):  # noqa: F811
    assert "All 3 records go to the analysis" in page_of(services, upload).text
    predict(services, job)
    text = page_of(services, upload).text
    lines = [line for line in result(services, upload, "calls.bed").splitlines() if not line.startswith("#")]
    summary = json.loads(result(services, upload, "summary.json"))
    scored, called = summary["counts"]["scored"], summary["counts"]["calls"]
    assert (called, len(lines)) == (2, 1), "neighbours are one call, so the two numbers differ"
    assert f"Calls kept {scored} {called} – {len(lines)} Files of the results" in text
    assert "All 3 records went to the analysis" in text


def test_the_page_links_each_file_of_the_results(services, job, upload):  # noqa: F811
    predict(services, job)
    links = {attributes["href"] for attributes in page_of(services, upload).all("a")}
    prefix = f"results/contigs/{upload.id}/"
    listed = services.s3.list_objects_v2(Bucket="results", Prefix=prefix)["Contents"]
    assert links == {f"../{item['Key']}" for item in listed if not item["Key"].endswith("/index.html")}


def test_the_archived_file_has_its_receipt_and_dates_on_its_page(services, job, upload):  # noqa: F811
    predict(services, job)
    services.ledger.note(services.ledger.require_upload(upload.id), version_id=upload.version_id)
    archive(services, upload.id)
    assert services.ledger.require_upload(upload.id).state == "ARCHIVED"
    page = page_of(services, upload)
    receipt = json.loads(services.s3.get_object(Bucket="results", Key=f"receipts/{upload.id}.json")["Body"].read())
    for text in ("State ARCHIVED", "DEEP_ARCHIVE, verified", receipt["landing"]["sha256"], receipt["verified_at"][:10]):
        assert text in page.text
    assert f"../receipts/{upload.id}.json" in {attributes["href"] for attributes in page.all("a")}


def test_a_failed_attempt_is_on_the_page_with_its_reason(services, job, upload):  # noqa: F811
    attempt = services.ledger.find_attempt(job[0])
    services.ledger.move(attempt, "FAILED", reason="the model refused it")
    refresh_page(services, upload)
    assert "1, failed" in page_of(services, upload).text
    assert "the model refused it" in page_of(services, upload).text


def test_a_valid_file_that_is_rejected_later_says_so(services, upload):
    refused = rejection(InvalidFileError(Fault("checksum_differs", "its MD5 differs", "Drop it again.")))
    reject(services, services.ledger.require_upload(upload.id), refused, has_report=True)
    text = page_of(services, upload).text
    assert "State REJECTED" in text
    assert "Rejected its MD5 differs" in text
    assert "no fault" not in text


def test_files_without_a_report_have_no_page(services, upload):
    for key in (f"reports/{upload.id}.json", f"reports/{upload.id}.html"):
        services.s3.delete_object(Bucket="results", Key=key)
    refresh_page(services, upload)
    refresh_page(services, replace(upload, id="UNKNOWN"))
    assert not services.s3.list_objects_v2(Bucket="results", Prefix=f"reports/{upload.id}").get("Contents")
