"""Plays a schedule: acts of the lab, deliveries, faults; then lets everything come to rest."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.faults import schedule as s
from tests.faults.bus import job_changed
from tests.faults.files import MODELS, Drop, drop, point_to
from tests.faults.lambdas import Crash, Invocation
from tests.faults.world import World
from tests.support.aws import template
from tests.support.aws.account import Call
from tests.support.aws.dynamodb import cancelled
from tests.support.aws.errors import Refused
from tests.support.aws.sagemaker import Job
from tests.support.aws.wire import Wire

# How each service says that it has too much to do.
TOO_MUCH = {
    "s3": ("SlowDown", 503),
    "dynamodb": ("ThrottlingException", 400),
    "sqs": ("RequestThrottled", 400),
    "sns": ("Throttling", 400),
    "sagemaker": ("ThrottlingException", 400),
}
STEPS = 3000  # far more than any schedule takes: one that does not come to rest says so
# Seconds between looks of the reconciler while all comes to rest: they outlast every delay of its own.
RESTS = (1900, 2 * 3600, 9 * 3600, *[26 * 3600] * 30)
CROWD = 3  # invocations that run at once where there are many
QUIET = 1  # looks in a row, besides the first, that change nothing, each after more than a day


class Player:
    """One schedule in one world. `drops` is what the lab dropped, `deleted` what it deleted again, `covered` what lay
    under a delete marker at some time."""

    def __init__(self, wire: Wire, schedule: s.Schedule):
        self.world, self.schedule = World(), schedule
        wire.answer, wire.clock = self._answer, self.world.clock
        self.drops: list[Drop] = []
        self.deleted: set[tuple[str, str]] = set()
        self.covered: set[tuple[str, str]] = set()
        self.runs = 0
        self._for_jobs: list[tuple[str, int]] = []
        self._acts = list(_when(schedule.acts))
        self._faults, self._turns = s.placed(schedule.faults), s.placed(schedule.turns)
        self._strikes = {(operation, nth): fault for operation, nth, fault in schedule.strikes}
        self._counts: Counter[str] = Counter()
        self._order, self._crowd = s.placed(schedule.order), schedule.crowd
        self.world.mishaps = s.placed(schedule.mishaps)
        self.world.sagemaker.fates = s.placed(schedule.fates)
        self.world.sagemaker.room = schedule.room
        self.calls = self._steps = self._deliveries = 0
        self._running: Invocation | None = None
        self._paused: list[Invocation] = []
        self._next: int | None = None
        self._model = 0
        point_to(self.world, MODELS[0])

    def play(self) -> Player:
        random.seed(0)
        while self._acts or self._work():
            self._act()
            self._to_jobs()
            if not self._step() and self._acts:
                self._perform(*self._acts.pop(0)[1:])
        self._rest()
        return self

    # -- steps --

    def _act(self) -> None:
        while self._acts and self._acts[0][0] <= self._steps:
            self._perform(*self._acts.pop(0)[1:])

    def _work(self) -> bool:
        return bool(self._paused) or self._next_at() is not None

    def _step(self) -> bool:
        """Go on with one invocation, or advance the clock to the next thing; False: there is nothing to do."""
        self._steps += 1
        assert self._steps < STEPS, "it does not come to rest"
        able = [*self._paused, *self._deliverable()]
        if not able:
            return self._advance()
        chosen, self._next = able[(self._next or 0) % len(able)], None
        if chosen in self._paused:
            self._paused.remove(chosen)
            self._proceed(chosen)
        else:
            self._deliver(chosen)
        return True

    def _advance(self) -> bool:
        at = self._next_at()
        if at is None:
            return False
        self.world.clock.advance(at - self.world.clock.seconds)
        self.world.sagemaker.run()
        return True

    def _next_at(self) -> float | None:
        queues = self.world.queues
        known = [(queues.next_at(function.queue), function.window) for function in template.functions()]
        times = [at + window for at, window in known if at is not None]
        job = self.world.sagemaker.next_at()
        return min([*times, *([job] if job is not None else [])], default=None)

    def _deliverable(self) -> Iterator[template.Function]:
        for function in template.functions():
            visible = self.world.queues.visible(function.queue)
            waited = visible and self.world.clock.seconds - min(one.visible_at for one in visible) >= function.window
            if waited or len(visible) >= function.batch:
                yield function

    def _deliver(self, function: template.Function) -> None:
        first = self._order.get(self._deliveries, 0)
        self._deliveries += 1
        visible = self.world.queues.visible(function.queue)
        turned = [*visible[first % len(visible) :], *visible[: first % len(visible)]]
        taken = self.world.queues.receive(function.queue, turned[: function.batch])
        if taken:
            self._proceed(Invocation(function.folder, function.queue, taken))

    def _proceed(self, invocation: Invocation) -> None:
        self.runs += 1
        invocation.proceed(self._set_running)
        if not invocation.ended:
            self._paused.append(invocation)
            return
        if isinstance(invocation.error, AssertionError):
            raise invocation.error
        for message in invocation.messages:
            if message.id not in invocation.failed:
                self.world.queues.done(invocation.queue, message)
            else:
                message.troubles.append(", ".join(invocation.troubles))

    def _set_running(self, invocation: Invocation | None) -> None:
        self._running = invocation

    # -- calls --

    def _answer(self, call: Call) -> dict:
        """What a function's call comes to. Runs in the thread of its invocation."""
        invocation, number = self._running, self.calls
        if invocation.dead:
            raise Crash
        self.calls += 1
        if (turn := self._turn(number)) is not None:
            self._next = turn
            invocation.pause()
            invocation.troubles.append("interrupted")
        fault = self._fault(call, number)
        if fault is None:
            return self.world.call(call)
        invocation.troubles.append(f"{fault} at {call.name}")
        return self._disturbed(call, fault, invocation)

    def _fault(self, call: Call, number: int) -> str | None:
        nth = self._counts[call.operation]
        self._counts[call.operation] += 1
        return self._strikes.get((call.operation, nth)) or self._faults.get(number)

    def _turn(self, number: int) -> int | None:
        """Who goes on before this call, by the place in line; None: nobody else."""
        if self._crowd and number % self._crowd == 0:
            return -1 if len(self._paused) < CROWD else 0  # the last is one that begins, if there is any
        return self._turns.get(number)

    def _disturbed(self, call: Call, fault: str, invocation: Invocation) -> dict:
        if fault in (s.CRASH_BEFORE, s.CRASH_AFTER):
            if fault == s.CRASH_AFTER:
                self._try(call)
            invocation.dead = True
            raise Crash
        if fault in (s.TIMEOUT_BEFORE, s.TIMEOUT_AFTER):
            if fault == s.TIMEOUT_BEFORE:
                raise ConnectTimeoutError(endpoint_url=call.service)
            self._try(call)
            raise ReadTimeoutError(endpoint_url=call.service)
        if fault == s.AGAIN:
            self._try(call)
        elif fault == s.STALE:
            self.world.table.stale = 3
        elif fault == s.CONFLICT and call.operation == "TransactWriteItems":
            raise cancelled([{"Code": "TransactionConflict"}] * len(call.request["TransactItems"]))
        elif fault == s.NO_ROOM and call.operation.startswith("Create") and call.operation.endswith("Job"):
            raise Refused("ResourceLimitExceeded", "The account-level service limit is reached")
        elif fault == s.BROKEN:
            raise Refused("InternalError" if call.service == "s3" else "InternalServerError", "We failed", 500)
        else:
            raise Refused(TOO_MUCH[call.service][0], "Rate exceeded", TOO_MUCH[call.service][1])
        try:
            return self.world.call(call)
        finally:
            self.world.table.stale = 0

    def _try(self, call: Call) -> None:
        with contextlib.suppress(Refused):
            self.world.call(call)

    # -- what a lab does, or the world --

    def _perform(self, act: str, number: int) -> None:
        if act in s.DROP:
            self.drops.append(drop(self.world, act.removeprefix("drop "), number, len(self.drops)))
        elif act in (s.DELETE, s.COVER):
            self._delete(act, number)
        elif act == s.POINT:
            self._model += 1
            point_to(self.world, MODELS[self._model % len(MODELS)])
        elif act == s.RECONCILE:
            self._proceed(Invocation("reconcile"))
        elif act == s.WAIT:
            self.world.clock.advance(s.WAITS[number % len(s.WAITS)])
            self.world.sagemaker.run()
        else:
            self._for_jobs.append((act, number))

    def _to_jobs(self) -> None:
        """What is done to a job is done as soon as one runs."""
        while self._for_jobs and (running := [job for job in self.world.sagemaker.jobs.values() if _runs(job)]):
            act, number = self._for_jobs.pop(0)
            self._to_job(act, running[number % len(running)])

    def _to_job(self, act: str, job: Job) -> None:
        if act == s.STOP:
            self.world.sagemaker.stop_transform_job({"TransformJobName": job.name}, {})
        else:
            self.world.announce(job_changed(replace(job, status="Completed")))

    def _delete(self, act: str, number: int) -> None:
        """By version, or by a delete marker over the key, which covers all its versions."""
        if not self.drops:
            return
        found, landing = self.drops[number % len(self.drops)], self.world.name("landing")
        held = self.world.s3.buckets[landing]
        if act == s.DELETE and held.version(found.key, found.version_id):
            self.deleted.add((found.key, found.version_id))
            self.world.s3.delete(landing, found.key, found.version_id)
        elif act == s.COVER and held.current(found.key):
            self.covered |= {(found.key, version.id) for version in held.keys[found.key]}
            self.world.s3.delete(landing, found.key)

    # -- coming to rest --

    def _rest(self) -> None:
        """No more faults: messages come, jobs end, the reconciler looks, until nothing moves."""
        self._faults, self._strikes, self._turns, self._order, self._crowd = {}, {}, {}, {}, 0
        self.world.mishaps = {}
        self.world.sagemaker.fates, self.world.sagemaker.room = {}, 1000
        quiet, seen = 0, None
        for seconds in RESTS:
            while self._work():
                self._step()
            before, seen = seen, self._standing()
            quiet = quiet + 1 if seen == before else 0
            if quiet > QUIET and seconds > 24 * 3600:
                return
            self.world.clock.advance(seconds)
            self._proceed(Invocation("reconcile"))
        raise AssertionError("it does not come to rest")

    def _standing(self) -> tuple:
        items = self.world.table.items.items()
        states = sorted((key, item["state"]["S"]) for key, item in items if "state" in item)
        objects = sum(len(kept) for bucket in self.world.s3.buckets.values() for kept in bucket.keys.values())
        return states, objects, len(self.world.sagemaker.jobs), len(self.world.mails)


def _when(acts: tuple[tuple[int, str, int], ...]) -> Iterator[tuple[int, str, int]]:
    """(step, what, which) of each act."""
    at = 0
    for gap, act, number in acts:
        at += gap
        yield at, act, number


def _runs(job: Job) -> bool:
    return job.status == "InProgress"


def play(wire: Wire, schedule: s.Schedule) -> Player:
    return Player(wire, schedule).play()
