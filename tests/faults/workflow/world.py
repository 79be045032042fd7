"""An account whose HealthOmics runs workflows; it records if a file leaves while a run reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.faults import bus
from tests.faults.world import World

if TYPE_CHECKING:
    from tests.support.aws.account import Call
    from tests.support.aws.omics import Run

CANCEL_RUN, FALSE_RUN_EVENT = ACTS = ("cancel a run", "false event of a run")


class WorkflowWorld(World):
    """The account of the family `workflow`. Acts on runs are delayed until one runs. `cancelled` are ids of runs."""

    def __init__(self):
        super().__init__()
        self.cancelled: set[str] = set()
        self._waiting: list[str] = []

    def perform(self, act: str) -> bool:
        if act in ACTS:
            self._waiting.append(act)
        return act in ACTS

    def call(self, call: Call) -> dict:
        response = super().call(call)
        if call.operation == "StartRun":
            self._act_on_run(next(run for run in self.omics.runs if run.id == response["id"]))
        return response

    def _act_on_run(self, run: Run) -> None:
        if not self._waiting or run.ends is None:
            return
        act = self._waiting.pop(0)
        if act == CANCEL_RUN:
            self.cancelled.add(run.id)
            self.omics.cancel(run)
        else:
            self.announce(bus.run_changed(replace(run, status="COMPLETED")))

    def _check_delete(self, request: dict) -> None:
        super()._check_delete(request)
        if request["Bucket"] == self.name("landing"):
            uri = f"s3://{request['Bucket']}/{request['Key']}"
            version = self.s3.buckets[request["Bucket"]].version(request["Key"], request["VersionId"])
            for run in self.omics.runs:
                if run.ends and version and run.bodies.get(uri, ("", ""))[1] == version.etag.strip('"'):
                    self.wrong.append(f"{request['Key']} was removed while the run {run.id} read it")
