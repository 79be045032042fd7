"""Hand a sample sheet over to a launcher of the lab's own: write an event, and record the attempts as done.

Seqdrop does not know when the launcher's workflow ends. The files stay readable where they are for `keep_days`, though
they are archived at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.event_bus import make_entry, put_entries
from seqdrop.bus.types import SOURCE
from seqdrop.stages.workflow.outcomes import complete
from seqdrop.stages.workflow.results import describe_handover

if TYPE_CHECKING:
    from seqdrop.ledger.records import Job
    from seqdrop.runtime.services import Services
    from seqdrop.stages.workflow.order import Order

DEFAULT_BUS = "default"
"""The bus of the account: it exists without `Events` as well."""
DETAIL_TYPE = "Seqdrop Samplesheet Ready v1"
"""The detail-type of the event; another version of its detail gets another number."""


def hand_over(services: Services, job: Job, order: Order) -> None:
    """Emit the event about a job's samplesheet.csv, and move its members to PREDICTED and the job to DONE.

    After a crash the event is emitted again, with the same `id`.
    """
    sheet = f"s3://{services.settings.results}/{order.sheet_key}"
    detail = {
        "id": job.name,
        "analysis": job.analysis,
        "per": order.per,
        "samples": len(order.samples),
        "files": len(order.inputs),
        "samplesheet": sheet,
    }
    put_entries(services.events, [make_entry(DEFAULT_BUS, SOURCE, DETAIL_TYPE, detail)])
    complete(services, job, order, describe_handover(sheet))
