"""The runs that a transfer may have brought: those whose files are in the landing bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.run_record import Run, run_id
from seqdrop.runtime.messages import make_run_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.runtime.services import Services


def judge_runs(services: Services) -> None:
    """Have each run below the prefix of the transfer judged. What stays there is rejected or waits, so it is little.

    A run whose events are all late or lost gets its record here; the record of a file comes with its event, or with the
    reconciler.
    """
    messages = []
    for folder in _list_folders(services):
        identity = run_id(services.settings.landing, folder)
        if services.ledger.find_run(identity) is None:
            analysis = services.analyses.for_key(f"{folder}-")
            services.ledger.create(Run.of_folder(services.settings.landing, folder, analysis.name if analysis else ""))
        messages.append((services.settings.validate_queue, make_run_message(identity)))
    services.send_all(messages)


def _list_folders(services: Services) -> Iterator[str]:
    """Yield the folders of runs, as keys that end in a slash."""
    pages = services.s3.get_paginator("list_objects_v2").paginate(
        Bucket=services.settings.landing, Prefix=services.settings.transfer_prefix, Delimiter="/"
    )
    for page in pages:
        for entry in page.get("CommonPrefixes", []):
            if services.analyses.run_folder(f"{entry['Prefix']}-"):
                yield entry["Prefix"]
