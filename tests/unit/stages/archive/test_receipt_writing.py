"""A receipt is written once for a copy, with the attempts that used the file."""

from __future__ import annotations

import hashlib
import json

from seqdrop.aws import keys
from seqdrop.ledger.records import Attempt, Job
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.archive.lineage import trace_lineage
from seqdrop.stages.archive.receipts import read_stored

from tests.support.receipts import check_receipt
from tests.unit.stages.archive.test_archive import upload  # noqa: F401  # the fixture


def test_the_record_has_the_digest_of_the_receipt_that_fits_the_schema(services, upload):  # noqa: F811
    archive(services, upload.id)
    stored, record = (
        read_stored(services.s3, "results", keys.receipt(upload.id)),
        services.ledger.find_upload(upload.id),
    )
    assert record.receipt_sha256 == stored.sha256 == hashlib.sha256(stored.body).hexdigest()
    receipt = json.loads(stored.body)
    check_receipt(receipt)
    assert receipt["receipt_version"] == 2
    assert receipt["lineage"] == {"report": keys.report(upload.id), "attempts": []}
    assert receipt["prices"]["usd_per_month"] > 0


def test_the_lineage_names_attempts_jobs_models_and_results(services, upload):  # noqa: F811
    services.ledger.create(Attempt("PLANNED", upload_id=upload.id, analysis="reads"))
    job = Job("PLANNED", name="job", members=[f"{upload.id}-reads-1"], model="promoter", model_key="models/p/a.tar.gz")
    services.ledger.claim(job, [services.ledger.find_attempt(f"{upload.id}-reads-1")])
    services.ledger.move(services.ledger.find_attempt(f"{upload.id}-reads-1"), "PREDICTED")
    services.ledger.create(Attempt("PLANNED", upload_id=upload.id, analysis="reads", number=2))
    first, second = trace_lineage(services.ledger, upload)["attempts"]
    assert first == {
        "upload": upload.id,
        "analysis": "reads",
        "number": 1,
        "state": "PREDICTED",
        "job": "job",
        "results": keys.upload_results("reads", upload.id),
        "model": "promoter",
        "model_archive": "models/p/a.tar.gz",
        "model_sha256": "",
    }
    assert second == {"upload": upload.id, "analysis": "reads", "number": 2, "state": "PLANNED"}
