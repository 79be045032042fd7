"""The files of the family `files`, each of them too large for a Lambda: a processing job examines it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from seqdrop.aws import keys
from seqdrop.errors import ObjectGoneError
from seqdrop.kinds.plans import from_json
from seqdrop.models.code_bundles import push_code
from seqdrop.sagemaker.names import examination_name
from seqdrop.stages.start_processing.tries import TRIES
from seqdrop.uploads import UploadVersion
from seqdrop.work.examine import ExaminationRequest, examine

from tests.faults import files
from tests.faults import schedule as s
from tests.faults.invariants import Check
from tests.faults.world import World
from tests.support.aws.direct import Client
from tests.support.aws.sagemaker import ENDINGS, LONG, PROCESSING, Job

if TYPE_CHECKING:
    from collections.abc import Iterator

ANALYSES = f"{files.ANALYSES}[validation]\nlambda_gb = 0\n"
OPERATIONS = (*s.OPERATIONS, "CreateProcessingJob", "DescribeProcessingJob")
# Two of a file's jobs must be able to fail, so most endings of jobs are failures.
ENDS = tuple(ending for ending in ENDINGS if ending != LONG)


def schedules() -> st.SearchStrategy[s.Schedule]:
    """Return a strategy for schedules of one to four files, mostly with failures of jobs."""
    number = st.integers(0, 3)
    drops = st.tuples(st.integers(0, 6), st.sampled_from(s.DROP), number)
    others = (s.DELETE, s.COVER, s.RECONCILE, s.WAIT, s.STOP, s.FALSE_EVENT)
    later = st.tuples(st.integers(0, 20), st.sampled_from(others), number)
    acts = st.builds(
        lambda *parts: tuple(act for part in parts for act in part),
        st.lists(drops, min_size=1, max_size=4),
        st.lists(later, max_size=4),
    )
    return s.with_trouble(acts, OPERATIONS, ENDS, most_endings=4)


class LargeWorld(World):
    """The account of this family: processing jobs run the examination when they end."""

    def __init__(self):
        super().__init__()
        self.sagemaker.examiner = self._examine
        push_code(Client(self, "s3"), self.name("models"), b"packages", "now")

    def _examine(self, job: Job) -> None:
        """Do what container.py does with the request of a job."""
        brief = json.loads(self.s3.read(self.name("work"), keys.job_request(job.name)))
        version = UploadVersion(**brief["version"])
        request = ExaminationRequest(version, from_json(brief["plan"]), number=brief["number"])
        with contextlib.suppress(ObjectGoneError):  # the job succeeds, and validate withdraws the upload
            examine(Client(self, "s3"), brief["work"], request)


class LargeCheck(Check):
    """The invariants of the family `files`, and those of examinations by jobs."""

    def _of(self, drop) -> Iterator[str]:
        upload = self.upload(drop)
        if upload and upload["state"] == "RECEIVED":
            yield from self._unexamined(drop)
        else:
            yield from super()._of(drop)
        yield from self._tries(drop)

    def _unexamined(self, drop) -> Iterator[str]:
        """Check that an upload that stays RECEIVED has used all its tries, or that a person stopped its job."""
        jobs = self._jobs(drop)
        if not self.there(drop) and not self.is_gone(drop):
            yield "no job could examine it, and it is no longer in the landing bucket"
        if not jobs or not (jobs[-1].status == "Stopped" or [job.status for job in jobs] == ["Failed"] * TRIES):
            yield f"it stays RECEIVED, and its jobs ended as {[job.status for job in jobs]}"
        if not self.mails_of(drop.key):
            yield "no job could examine it, and there was no mail"

    def _tries(self, drop) -> Iterator[str]:
        """Check that a job follows only one that failed: nothing is read twice."""
        for job in self._jobs(drop)[:-1]:
            if job.status != "Failed":
                yield f"{job.name} was {job.status}, and another job read the file again"

    def _jobs(self, drop) -> list[Job]:
        names = (examination_name(self.id_of(drop), number) for number in range(1, TRIES + 2))
        jobs = self.world.sagemaker.jobs
        return [jobs[name] for name in names if name in jobs and jobs[name].kind == PROCESSING]
