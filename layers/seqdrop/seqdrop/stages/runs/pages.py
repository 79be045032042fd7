"""Write the pages of a run, `runs/<analysis>/<run folder>/run.html` and further ones, from its run.json.

They are written after run.json and by what is stored: if another invocation wrote it meanwhile, they are written again.
So whichever invocation writes the pages last has rendered the last report.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.report.run_page import page_name, render_run

if TYPE_CHECKING:
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services

MAX_TRIES = 10
HTML = "text/html; charset=utf-8"


def write_pages(services: Services, run: Run) -> None:
    """Render the stored report of a run. Raise RetryableError if others kept writing it."""
    bucket, key = services.settings.results, keys.run_result(run.analysis, run.name, "run.json")
    for _ in range(MAX_TRIES):
        response = services.s3.get_object(Bucket=bucket, Key=key)
        for number, html in enumerate(render_run(json.loads(response["Body"].read())), 1):
            page = keys.run_result(run.analysis, run.name, page_name(number))
            services.s3.put_object(Bucket=bucket, Key=page, Body=html.encode(), ContentType=HTML)
        if services.s3.head_object(Bucket=bucket, Key=key)["ETag"] == response["ETag"]:
            return
    raise RetryableError(f"other invocations kept writing the report of run {run.id}")
