"""Write the page of a file again when something became of it: predictions, a rejection, its archive or another end.

The page is rendered from what is stored (report, summaries, receipt, reason), so it may be written at any time and by
any stage, and the counts on it are those of the files beside it.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from seqdrop import __version__
from seqdrop.aws import keys
from seqdrop.stages.runs.predictions import read_outcomes
from seqdrop.work.hashing import OTHER

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.report.results_section import Ending
    from seqdrop.runtime.services import Services

ARCHIVED = ("ARCHIVED", "RESTORING", "FORGETTING")
HTML = "text/html; charset=utf-8"


def refresh_page(services: Services, known: Upload) -> None:
    """Write the page of an upload by its present state, if it says anything new; `known` may be an earlier state.

    Do nothing for a file that was not read as sequences. The bucket keeps earlier versions of a page, and the message
    of an upload that waits for a person comes again and again.
    """
    if known.format == OTHER:  # as most files of a run are
        return
    upload = services.ledger.reread(known)
    if upload is None or upload.format in ("", OTHER):
        return
    report = _read(services, keys.report(upload.id))
    if report is None or "qc" not in report:
        return
    from seqdrop.report.page import render_page  # few invocations write pages

    rejection = _read(services, keys.reason(upload.id)) if upload.state == "REJECTED" else None
    html = render_page(report, posixpath.basename(upload.key), rejection, _describe_ending(services, upload))
    key, body = keys.page(upload.id), html.encode()
    if services.find_bytes(services.settings.results, key) != body:
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
    body = services.find_bytes(services.settings.results, key)
    return None if body is None else json.loads(body)
