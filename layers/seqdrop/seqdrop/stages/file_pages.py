"""Write the page of a file again when something became of it: predictions, a rejection, its archive or another end.

The page is rendered from what is stored (report, summaries, receipt, reason), so it may be written at any time and by
any stage, and the counts on it are those of the files beside it.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop import __version__
from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.stages.runs.predictions import read_outcomes
from seqdrop.work.hashing import OTHER

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.report.results_section import Ending
    from seqdrop.runtime.services import Services

ARCHIVED = ("ARCHIVED", "RESTORING", "FORGETTING")
HTML = "text/html; charset=utf-8"


def refresh_page(services: Services, upload_id: str) -> None:
    """Write the page of an upload by its present state, if it says anything new.

    Do nothing for a file that was not read as sequences. The bucket keeps earlier versions of a page, and the message
    of an upload that waits for a person comes again and again.
    """
    from seqdrop.report.page import render_page  # few invocations write pages

    upload = services.ledger.find_upload(upload_id)
    if upload is None or upload.format in ("", OTHER):
        return
    report = _read(services, keys.report(upload.id))
    if report is None or "qc" not in report:
        return
    rejection = _read(services, keys.reason(upload.id)) if upload.state == "REJECTED" else None
    html = render_page(report, posixpath.basename(upload.key), rejection, _describe_ending(services, upload))
    key, body = keys.page(upload.id), html.encode()
    if _read_bytes(services, key) != body:
        services.s3.put_object(Bucket=services.settings.results, Key=key, Body=body, ContentType=HTML)


def _describe_ending(services: Services, upload: Upload) -> Ending:
    return {
        "state": upload.state,
        "times": {"RECEIVED": upload.created_at, **upload.timeline},
        "outcomes": read_outcomes(services, upload.id),
        "receipt": _read(services, keys.receipt(upload.id)) if upload.state in ARCHIVED else None,
        "version": __version__,
    }


def _read(services: Services, key: str) -> Any:  # noqa: ANN401 - what other stages wrote as JSON
    """Return a JSON object of the results bucket; None if there is none."""
    body = _read_bytes(services, key)
    return None if body is None else json.loads(body)


def _read_bytes(services: Services, key: str) -> bytes | None:
    """Return an object of the results bucket; None if there is none."""
    try:
        return services.s3.get_object(Bucket=services.settings.results, Key=key)["Body"].read()
    except ClientError as error:
        if is_missing(error):
            return None
        raise
