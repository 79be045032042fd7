"""Failures, replays, releases and deployments in any order: legal moves, one attempt in progress, none lost."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.aws import keys
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.moves import ATTEMPT, ENDS
from seqdrop.ledger.records import Attempt, Job, Upload
from seqdrop.stages.finish.bisect import try_again
from seqdrop.stages.operator.release import explain_refusal, release
from seqdrop.stages.operator.replay import Replay, plan_replay, replay
from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.routing import may_be_archived, next_messages
from seqdrop.uploads import UploadVersion

from tests.support.examples import share
from tests.support.services import make_ticking_clock
from tests.unit.stages import world

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis

READS = packaged().by_name["reads"]
VERSION = UploadVersion("landing", "reads/a.fastq", "v", 1, "e")


class World(world.World):
    """One upload, and everything that may happen to it. A method does nothing if its event cannot happen now."""

    def __init__(self):
        super().__init__(now=make_ticking_clock())
        self.models = itertools.count(1)
        self.plan: Replay | None = None
        self.released: Upload | None = None
        self.archiving: Upload | None = None
        self.landing = True
        self.new_model()
        self.ledger.create(Upload.from_version(VERSION, "reads", "reads/"))
        self.read()

    @property
    def record(self) -> Upload:
        return self.ledger.find_upload(VERSION.id)

    @property
    def attempts(self) -> list[Attempt]:
        return self.ledger.attempts(VERSION.id)

    @property
    def analysis(self) -> Analysis:
        return self.services.analyses.by_name["reads"]

    def read(self) -> None:
        """Validate the file for its next attempt."""
        if self.record.state == "RECEIVED":
            attempt = Attempt("PLANNED", upload_id=VERSION.id, analysis="reads", number=self.record.read_for, shards=1)
            attempt = replace(attempt, plan=self.analysis.as_json())
            self.account.s3.put("work", f"shards/{VERSION.id}/{attempt.key}-00000.jsonl", b"")
            assert self.landing
            assert self.ledger.move(self.record, "VALIDATED", attempt)

    def start(self) -> None:
        last = self.attempts[-1]
        if last.state == "PLANNED":
            job = Job("PLANNED", name=f"job-{last.key}", members=[last.key], model_digest=self.digest)
            assert self.ledger.claim(job, [last])

    def fail(self) -> None:
        if self.attempts[-1].state == "SUBMITTED":
            fail_attempt(self.services, self.attempts[-1], "it broke")

    def split(self) -> None:
        if self.attempts[-1].state == "SUBMITTED":
            try_again(self.services, self.attempts[-1], "group", "it broke")

    def predict(self) -> None:
        if self.attempts[-1].state == "SUBMITTED":
            self.ledger.move(self.attempts[-1], "PREDICTED")

    def fail_job(self) -> None:
        self.start()
        self.fail()

    def predict_job(self) -> None:
        self.start()
        self.predict()

    def begin_archive(self) -> None:
        """Start to archive the upload."""
        upload = self.record
        if upload.state == "VALIDATED" and may_be_archived(upload, self.ledger.deciding_attempts(upload)):
            assert upload.released_at or self.attempts[-1].state == "PREDICTED"
            self.archiving = upload

    def archive(self) -> None:
        """Archive the upload: delete the landing object, then move the record."""
        self.begin_archive()
        self.end_archive()

    def end_archive(self) -> None:
        if self.archiving:
            self.landing = False
            self.ledger.move(self.archiving, "ARCHIVED", archive_key="there")
            self.archiving = None

    def new_model(self) -> None:
        self.digest = f"digest {next(self.models)}"
        current = {"key": "k", "digest": self.digest, "labels": ["not it", READS.settings.label]}
        body = json.dumps({"current": current, "history": []}).encode()
        self.account.s3.put("models", keys.model_pointer(READS.settings.model), body)

    def deploy(self) -> None:
        """Deploy an analyses.toml that makes other work items, or again the earlier ones."""
        window = (
            READS.settings.window + 1
            if self.analysis.settings.window == READS.settings.window
            else READS.settings.window
        )
        other = replace(READS, settings=replace(READS.settings, window=window))
        self.services = replace(self.services, analyses=replace(packaged(), by_name={"reads": other}))

    def plan_replay(self) -> None:
        self.plan = plan_replay(self.services, self.record)

    def replay(self) -> None:
        """Carry out the plan, which may be outdated or carried out already."""
        if self.plan and not self.plan.refused:
            replay(self.services, self.plan)

    def plan_and_replay(self) -> None:
        self.plan_replay()
        self.replay()

    def plan_release(self) -> None:
        self.released = None if explain_refusal(self.services, self.record) else self.record

    def release(self) -> None:
        if self.released:
            release(self.services, self.released)

    def plan_and_release(self) -> None:
        self.plan_release()
        self.release()

    def check(self) -> None:
        upload, attempts = self.record, self.attempts
        in_progress = [attempt for attempt in attempts if attempt.state not in ENDS[ATTEMPT]]
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert in_progress in ([], attempts[-1:])
        assert self.landing == (upload.state != "ARCHIVED")
        assert not (upload.released_at and in_progress)
        if upload.state == "RECEIVED":
            assert not in_progress
            assert upload.read_for == len(attempts) + 1
        if attempts[-1].state == "PLANNED":  # if the message is lost, the reconciler finds it
            assert [body for _, body in next_messages(self.services, upload)] == [{"attempt": attempts[-1].key}]
        for attempt in attempts:
            assert attempt.cut_as in ("", *(before.shards_key for before in attempts[: attempt.number - 1]))


STEPS = ["start", "fail", "split", "predict", "fail_job", "predict_job", "begin_archive", "end_archive", "archive"]
STEPS += ["read", "new_model", "deploy", "expire", "plan_replay", "replay", "plan_and_replay"]
STEPS += ["plan_release", "release", "plan_and_release"]


@given(st.lists(st.sampled_from(STEPS), min_size=25, max_size=40))
@settings(max_examples=share(200))
def test_the_invariants_hold_in_any_order_of_steps(steps):
    take(*steps)


def test_the_orders_reach_the_interesting_states():
    """Reach each final state, so that the test above tests something."""
    first = ["start", "fail", "plan_and_replay", "start", "predict", "archive", "new_model"]
    world = take(*first, "plan_and_replay", "start", "fail")
    assert [attempt.state for attempt in world.attempts] == ["FAILED", "PREDICTED", "FAILED"]
    first = ["start", "fail", "deploy", "plan_and_replay", "read", "start", "fail"]
    world = take(*first, "plan_and_release", "archive")
    assert (world.record.state, world.record.read_for, len(world.attempts)) == ("ARCHIVED", 2, 2)
    world = take("fail_job", "plan_and_release", "archive", "plan_and_replay", "predict_job")
    assert (world.record.state, [attempt.state for attempt in world.attempts]) == ("ARCHIVED", ["FAILED", "PREDICTED"])


def take(*steps: str) -> World:
    """Return a world after these steps, with the invariants checked after each of them."""
    world = World()
    for step in steps:
        getattr(world, step)()
        world.check()
    return world
