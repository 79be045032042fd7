"""Execution of jobs: two of a kind at a time, while the others wait."""

from __future__ import annotations

import logging
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from local.sagemaker.job_errors import JobFailedError, JobStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local.sagemaker.job_records import Job
    from local.sagemaker.registry import Registry
    from local.sagemaker.roles import Roles

logger = logging.getLogger("local.sagemaker")
MAX_RUNNING = 2
REASON_LENGTH = 1024


class Execution(Protocol):
    """The work of a job; `scratch` may be removed afterwards."""

    scratch: Path

    def run(self) -> None:
        """Do the work; raise JobFailedError or JobStoppedError."""

    def cancel(self) -> None:
        """Make `run` end soon; any thread may call this."""

    def close(self) -> None:
        """Release the resources of the work, and send its log."""


class Runner:
    """Runs the jobs of a kind in threads of the service, each with a container process of its own.

    `execution` makes the work of a job from the job, its folder and the roles. `announce` is called when a job ends.
    """

    def __init__(
        self,
        kind: str,
        registry: Registry,
        folder: Path,
        roles: Roles,
        announce: Callable[[Job], None],
        execution: Callable[[Job, Path, Roles], Execution],
    ) -> None:
        self._registry, self._folder, self._roles, self._announce = registry, folder, roles, announce
        self._kind, self._make_execution = kind, execution
        self._threads = ThreadPoolExecutor(MAX_RUNNING, thread_name_prefix="job")
        self._running: dict[str, Execution] = {}

    def submit(self, job: Job) -> None:
        """Run a job when its turn comes."""
        self._threads.submit(self._run, job)

    def resume(self) -> None:
        """Run the jobs that were in progress when an earlier process of the service was killed, from their inputs."""
        for job in self._registry.list_active_jobs(self._kind):
            job.notify = self._announce
            job.reset()
            self.submit(job)

    def wake(self, job: Job) -> None:
        """Make a job notice a request to stop: end its container, if it has one."""
        execution = self._running.get(job.arn)
        if execution:
            execution.cancel()

    def _run(self, job: Job) -> None:
        try:
            reason = None if job.stopping.is_set() else self._execute(job)
        except JobStoppedError as stop:
            with self._registry.lock:
                job.status, reason = "Stopping", str(stop) or None
            job.stopping.set()
        except Exception as error:
            logger.exception("%s job %s", job.kind, job.name)
            reason = f"InternalServerError: {error!r}"
        self._finish(job, reason)

    def _execute(self, job: Job) -> str | None:
        """Do the job's work; return the failure reason, or None if it succeeded or was stopped."""
        job.started = job.started or time.time()
        job.modified = time.time()
        self._registry.save(job)
        folder = self._folder / job.name
        shutil.rmtree(folder, ignore_errors=True)  # left by a service that was killed
        self._running[job.arn] = execution = self._make_execution(job, folder, self._roles)
        try:
            execution.run()
        except JobFailedError as failure:
            # An error that the stop itself caused is not a failure.
            return None if job.status == "Stopping" else str(failure)
        finally:
            del self._running[job.arn]
            execution.close()
            shutil.rmtree(execution.scratch, ignore_errors=True)
        return None

    def _finish(self, job: Job, reason: str | None) -> None:
        with self._registry.lock:
            is_stopped = job.status == "Stopping"
            job.failure = reason and reason[:REASON_LENGTH]
            job.ended = job.modified = time.time()
            if is_stopped:
                job.status = "Stopped"
            else:
                job.status = "Failed" if reason else "Completed"
        if is_stopped:
            job.stopping.wait()  # so that Stopped is never announced before Stopping
        self._announce(job)
