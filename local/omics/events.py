"""Events about the status of runs, on the default bus."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from local.omics.behaviour import LATE, LOST, TWICE

if TYPE_CHECKING:
    from local.account import Account
    from local.omics.behaviour import Behaviour
    from local.omics.records import Run


class Announcer:
    """Announces statuses. A test may have the event about an end lost, doubled or late."""

    def __init__(self, account: Account, behaviour: Behaviour) -> None:
        self._account, self._behaviour = account, behaviour

    def __call__(self, run: Run) -> None:
        """Put the event about a run's present status on the bus."""
        mishap = self._behaviour.next_mishap() if run.has_ended else ""
        event = make_event(run)
        if mishap == LOST:
            return
        if mishap == LATE:
            timer = threading.Timer(self._behaviour.late, self._account.put_event, (event, run.account, run.region))
            timer.daemon = True
            timer.start()
            return
        for _ in range(2 if mishap == TWICE else 1):
            self._account.put_event(event, run.account, run.region)


def make_event(run: Run) -> dict:
    """Return the entry for PutEvents. There are no times and no tags in its detail."""
    detail = {
        "omicsVersion": "1.0.0",
        "arn": run.arn,
        "status": run.status,
        "uuid": run.uuid,
        "runId": run.id,
        "runName": run.request.get("name"),
        "runOutputUri": run.output_uri,
        "workflowId": run.request.get("workflowId"),
        "workflowName": run.workflow.request.get("name") if run.workflow else None,
    }
    return {
        "Source": "aws.omics",
        "DetailType": "Run Status Change",
        "Resources": [run.arn],
        "Detail": json.dumps({name: value for name, value in detail.items() if value is not None}),
        "EventBusName": "default",
    }
