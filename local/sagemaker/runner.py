"""Jobs at work: two at once, the others wait their turn."""

import logging
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.sagemaker.execution import Execution, JobFailed
from local.sagemaker.registry import Registry, TransformJob

logger = logging.getLogger("local.sagemaker")
AT_ONCE = 2
REASON_LENGTH = 1024


class Runner:
    """Runs jobs in threads of the service, each with a container process of its own."""

    def __init__(self, registry: Registry, folder: Path, endpoint: str, announce):
        self._registry, self._folder, self._endpoint, self._announce = registry, folder, endpoint, announce
        shutil.rmtree(folder, ignore_errors=True)  # jobs of an earlier server, which nobody remembers
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="transform-job")
        self._running: dict[str, Execution] = {}

    def submit(self, job: TransformJob) -> None:
        """Run a job when its turn comes."""
        self._threads.submit(self._run, job)

    def wake(self, job: TransformJob) -> None:
        """Have a job notice that it is to stop: end its container, if it has one."""
        execution = self._running.get(job.arn)
        if execution:
            execution.cancel()

    def _run(self, job: TransformJob) -> None:
        try:
            reason = None if job.stopping.is_set() else self._execute(job)
        except Exception as error:
            logger.exception("transform job %s", job.name)
            reason = f"InternalServerError: {error!r}"
        self._finish(job, reason)

    def _execute(self, job: TransformJob) -> str | None:
        """Do the job's work; answers why it failed, if it did."""
        job.started = job.modified = time.time()
        folder = self._folder / job.name
        self._running[job.arn] = execution = Execution(job, folder, self._endpoint)
        try:
            execution.run()
        except JobFailed as failure:
            return str(failure)
        finally:
            del self._running[job.arn]
            execution.close()
            shutil.rmtree(execution.scratch, ignore_errors=True)
        return None

    def _finish(self, job: TransformJob, reason: str | None) -> None:
        with self._registry.lock:
            stopped = job.status == "Stopping"
            job.failure = None if stopped or reason is None else reason[:REASON_LENGTH]
            job.ended = job.modified = time.time()
            job.status = "Stopped" if stopped else "Failed" if reason else "Completed"
        if stopped:
            job.stopping.wait()  # so that Stopped is never announced before Stopping
        self._announce(job)
