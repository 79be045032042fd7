"""The messages of the queue of workflow, each with the step that it causes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.stages.workflow.ending import advance_job, finish_run
from seqdrop.stages.workflow.start import start

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services

STEPS = {"attempt": start, "job": advance_job, "run": finish_run}


def workflow(services: Services, name: str, about: str) -> None:
    """Start the workflow of an "attempt", advance a "job", or record the end of a "run" of HealthOmics, by name."""
    STEPS[about](services, name)
