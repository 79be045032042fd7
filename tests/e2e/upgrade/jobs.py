"""SageMaker's jobs in the upgrade test: functions to pause, await and list them."""

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
class PausedJob:
    """A job whose process is paused (SIGSTOP), so that it does not end until it is resumed."""

    kind: str
    name: str
    group: int

    def resume(self) -> None:
        """Resume the process."""
        os.killpg(self.group, signal.SIGCONT)


def pause_job(aws: EmbeddedAws, kind: str, name: str) -> PausedJob:
    """Pause a job's process as soon as it exists."""
    folder = aws.workdir / FOLDERS[kind] / name
    group = wait_for(lambda: _pause_group(aws, folder), timeout=PATIENCE, pause=0.002)
    assert _status(aws, kind, name) == "InProgress", f"{name} ended before it could be paused"
    return PausedJob(kind, name, group)


def _pause_group(aws: EmbeddedAws, folder: Path) -> int | None:
    """Pause the process group that works in a folder, and return it; None if there is none yet."""
    for pid in find_session_members(aws.sagemaker_pid):
        with contextlib.suppress(OSError):
            inside = (PROC / str(pid) / "cwd").readlink().is_relative_to(folder)
            if inside and os.getpgid(pid) == pid:  # it leads its own process group
                os.killpg(pid, signal.SIGSTOP)
                return pid
    return None


def wait_for_completion(aws: EmbeddedAws, kind: str, name: str) -> None:
    """Wait until SageMaker has completed a job."""
    wait_for(lambda: _status(aws, kind, name) == "Completed", timeout=PATIENCE)


def _status(aws: EmbeddedAws, kind: str, name: str) -> str:
    describe = getattr(aws.client("sagemaker"), f"describe_{kind.lower()}_job")
    return describe(**{f"{kind}JobName": name})[f"{kind}JobStatus"]


def list_jobs(aws: EmbeddedAws, kind: str, word: str = "") -> list[str]:
    """Return the names of SageMaker's jobs of a kind that contain a word."""
    pages = aws.client("sagemaker").get_paginator(f"list_{kind.lower()}_jobs").paginate(NameContains=word or "-")
    return [job[f"{kind}JobName"] for page in pages for job in page[f"{kind}JobSummaries"]]


def wait_for_job(lab: Lab, name: str) -> str:
    """Return the name of the job of an upload's last attempt, as soon as SageMaker has it."""

    def probe() -> str | None:
        attempts = lab.ledger.attempts(lab.uploads[name].id)
        job = lab.ledger.find_job(attempts[-1].job) if attempts and attempts[-1].job else None
        return job.name if job and job.state == "STARTED" else None

    return wait_for(probe, timeout=PATIENCE)


def wait_for_examination(lab: Lab, name: str) -> str:
    """Return the name of the job that examines an upload, as soon as SageMaker has it."""
    names = wait_for(lambda: list_jobs(lab.aws, "Processing", lab.uploads[name].id), timeout=PATIENCE)
    return names[-1]


def list_ledger_jobs(lab: Lab) -> list:
    """Return every job of the ledger."""
    return [job for state in sorted({*OPEN[JOB], *ENDS[JOB]}) for job in lab.ledger.in_state(JOB, state)]
