"""Jobs at work: two at once, the others wait their turn."""

import logging
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.sagemaker.ends import JobFailedError, JobStoppedError
from local.sagemaker.registry import Job, Registry
from local.sagemaker.roles import Roles

logger = logging.getLogger("local.sagemaker")
AT_ONCE = 2
REASON_LENGTH = 1024


class Runner:
    """Runs jobs in threads of the service, each with a container process of its own.

    `execution` makes the work of a job of its folder and the roles: `run`, `cancel`, `close` and `scratch`.
    `moved` is told of a job's end.
    """

    def __init__(self, kind: str, registry: Registry, folder: Path, roles: Roles, moved, execution):
        self._registry, self._folder, self._roles, self._moved = registry, folder, roles, moved
        self._kind, self._make = kind, execution
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="job")
        self._running = {}

    def submit(self, job: Job) -> None:
        """Run a job when its turn comes."""
        self._threads.submit(self._run, job)

    def resume(self) -> None:
        """Run what was in progress when an earlier process of the service was killed, from its inputs."""
        for job in self._registry.unfinished(self._kind):
            job.begin_again(self._moved)
            self.submit(job)

    def wake(self, job: Job) -> None:
        """Have a job notice that it is to stop: end its container, if it has one."""
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
        """Do the job's work; answers why it failed, if it did."""
        job.started = job.started or time.time()
        job.modified = time.time()
        self._registry.save(job)
        folder = self._folder / job.name
        shutil.rmtree(folder, ignore_errors=True)  # what a killed service left of it
        self._running[job.arn] = execution = self._make(job, folder, self._roles)
        try:
            execution.run()
        except JobFailedError as failure:
            # What broke because it was being stopped is no failure.
            return None if job.status == "Stopping" else str(failure)
        finally:
            del self._running[job.arn]
            execution.close()
            shutil.rmtree(execution.scratch, ignore_errors=True)
        return None

    def _finish(self, job: Job, reason: str | None) -> None:
        with self._registry.lock:
            stopped = job.status == "Stopping"
            job.failure = reason and reason[:REASON_LENGTH]
            job.ended = job.modified = time.time()
            job.status = "Stopped" if stopped else "Failed" if reason else "Completed"
        if stopped:
            job.stopping.wait()  # so that Stopped is never announced before Stopping
        self._moved(job)
