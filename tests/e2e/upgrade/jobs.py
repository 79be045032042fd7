"""SageMaker's jobs in the test of an upgrade: held while they run, and counted."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ENDS, JOB, OPEN

from local.processes import PROC, find_session_members
from local.testing import wait_for
from tests.e2e.upgrade.lab import PATIENCE, Lab

if TYPE_CHECKING:
    from pathlib import Path

    from local.embedded import EmbeddedAws

FOLDERS = {"Transform": "jobs", "Processing": "processing-jobs", "Training": "training-jobs"}


@dataclass(frozen=True)
class Held:
    """A job whose process has been stopped where it was; it has not ended, however long that takes."""

    kind: str
    name: str
    group: int

    def release(self) -> None:
        """Let it go on from where it was."""
        os.killpg(self.group, signal.SIGCONT)


def hold(aws: EmbeddedAws, kind: str, name: str) -> Held:
    """Stop a job's process as soon as there is one."""
    folder = aws.workdir / FOLDERS[kind] / name
    group = wait_for(lambda: _stopped(aws, folder), timeout=PATIENCE, pause=0.002)
    assert _status(aws, kind, name) == "InProgress", f"{name} was over before it could be held"
    return Held(kind, name, group)


def _stopped(aws: EmbeddedAws, folder: Path) -> int | None:
    """The process group that works in a folder, which has been stopped; None if there is none yet."""
    for pid in find_session_members(aws.sagemaker_pid):
        with contextlib.suppress(OSError):
            inside = (PROC / str(pid) / "cwd").readlink().is_relative_to(folder)
            if inside and os.getpgid(pid) == pid:  # it has left the group of what started it
                os.killpg(pid, signal.SIGSTOP)
                return pid
    return None


def until_over(aws: EmbeddedAws, kind: str, name: str) -> None:
    """Wait until SageMaker has completed a job."""
    wait_for(lambda: _status(aws, kind, name) == "Completed", timeout=PATIENCE)


def _status(aws: EmbeddedAws, kind: str, name: str) -> str:
    describe = getattr(aws.client("sagemaker"), f"describe_{kind.lower()}_job")
    return describe(**{f"{kind}JobName": name})[f"{kind}JobStatus"]


def of_service(aws: EmbeddedAws, kind: str, word: str = "") -> list[str]:
    """Names of SageMaker's jobs of a kind that hold a word."""
    pages = aws.client("sagemaker").get_paginator(f"list_{kind.lower()}_jobs").paginate(NameContains=word or "-")
    return [one[f"{kind}JobName"] for page in pages for one in page[f"{kind}JobSummaries"]]


def of_upload(lab: Lab, name: str) -> str:
    """The job of the last attempt at an upload, once SageMaker has it."""

    def probe() -> str | None:
        attempts = lab.ledger.attempts(lab.uploads[name].id)
        job = lab.ledger.find_job(attempts[-1].job) if attempts and attempts[-1].job else None
        return job.name if job and job.state == "STARTED" else None

    return wait_for(probe, timeout=PATIENCE)


def examining(lab: Lab, name: str) -> str:
    """The job that examines an upload, once SageMaker has it."""
    found = wait_for(lambda: of_service(lab.aws, "Processing", lab.uploads[name].id), timeout=PATIENCE)
    return found[-1]


def of_ledger(lab: Lab) -> list:
    """Every job that the ledger has."""
    return [job for state in sorted({*OPEN[JOB], *ENDS[JOB]}) for job in lab.ledger.in_state(JOB, state)]
