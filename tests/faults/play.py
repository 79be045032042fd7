"""Play a schedule: acts of the lab, deliveries and faults. Then continue without faults until nothing moves."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.faults import schedule as s
from tests.faults.lab import Lab
from tests.faults.lambdas import Crash, Invocation
from tests.faults.operators import Command
from tests.faults.trouble import Trouble
from tests.support.aws import template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.families import Family
    from tests.support.aws.account import Call
    from tests.support.aws.wire import Wire

# Seconds between the runs of the reconciler at the end: each is longer than the delay of the reconciler's next nudge.
RESTS = (1900, 2 * 3600, 9 * 3600, *[26 * 3600] * 30)
DAY = 24 * 3600
QUIET = 1  # more than this many runs in a row must change nothing before a schedule ends


class Player:
    """Plays one schedule of a family, in one world. `disturbed` counts its faults and interruptions."""

    def __init__(self, wire: Wire, schedule: s.Schedule, family: Family):
        self.world, self._family = family.world(), family
        self.lab, self._trouble = Lab(self.world, family), Trouble(self.world, schedule)
        wire.respond, wire.clock = self._respond, self.world.clock
        self.runs = 0
        self.disturbed = len(schedule.mishaps)
        self.struck: list[tuple[str, str]] = []  # (fault, operation) of each fault that happened
        self._acts = list(_expand_acts(schedule.acts))
        self._order = s.expand(schedule.order)
        self.world.mishaps = s.expand(schedule.mishaps)
        self.world.sagemaker.endings = self.world.runtime.endings = s.expand(schedule.endings)
        self.world.omics.endings = self.world.sagemaker.endings
        self.world.sagemaker.job_limit = schedule.capacity
        self.calls = self._steps = self._deliveries = 0
        self._running: Invocation | None = None
        self._paused: list[Invocation] = []
        self._next: int | None = None

    def play(self) -> Player:
        random.seed(0)
        while self._acts or self._has_work() or self._run_command():
            self._perform_due()
            self.lab.perform_on_jobs()
            if not self._paused:
                self.lab.perform_on_copies()
            self._run_command()
            if not self._step() and self._acts:
                self._perform(*self._acts.pop(0)[1:])
        self._rest()
        return self

    # -- steps --

    def _perform_due(self) -> None:
        while self._acts and self._acts[0][0] <= self._steps:
            self._perform(*self._acts.pop(0)[1:])

    def _perform(self, act: str, number: int) -> None:
        if act == s.RECONCILE:
            self._proceed(Invocation("reconcile"))
        else:
            self.lab.perform(act, number)

    def _run_command(self) -> bool:
        """Run the next command that has uploads; return False if there is none."""
        command = self.lab.next_command()
        if command:
            self._proceed(command)
        return command is not None

    def _has_work(self) -> bool:
        return bool(self._paused) or self._next_at() is not None

    def _step(self) -> bool:
        """Continue one invocation, or advance the clock to the next event; return False if there is nothing to do."""
        self._steps += 1
        assert self._steps < self._family.steps, f"the schedule still moves after {self._family.steps} steps"
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
        self.world.run()
        return True

    def _next_at(self) -> float | None:
        queues = self.world.queues
        known = [(queues.next_at(function.queue), function.window) for function in template.functions()]
        times = [at + window for at, window in known if at is not None]
        job = self.world.next_at()
        return min([*times, *([job] if job is not None else [])], default=None)

    def _deliverable(self) -> Iterator[template.Function]:
        for function in template.functions():
            visible = self.world.queues.visible(function.queue)
            waited = (
                visible and self.world.clock.seconds - min(message.visible_at for message in visible) >= function.window
            )
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
        if not invocation.troubles and len(set(invocation.mails)) < len(invocation.mails):
            self.world.wrong.append(
                f"{invocation.folder} sent a mail twice, and nothing went wrong: {invocation.mails}"
            )
        if isinstance(invocation, Command):
            self.lab.record_end(invocation)
        for message in invocation.messages:
            if message.id not in invocation.failed:
                self.world.queues.done(invocation.queue, message)
            else:
                message.troubles.append(", ".join(invocation.troubles))

    def _set_running(self, invocation: Invocation | None) -> None:
        self._running = invocation

    # -- calls --

    def _respond(self, call: Call) -> dict:
        """Return the response to a call of a function. Runs in the thread of its invocation."""
        invocation, number = self._running, self.calls
        if invocation.dead:
            raise Crash
        self.calls += 1
        if (turn := self._trouble.turn(number, len(self._paused))) is not None:
            self._next = turn
            invocation.pause()
            invocation.troubles.append("interrupted")
            self.disturbed += 1
        if call.name == "sns.Publish":
            invocation.mails.append((call.request["Subject"], call.request["Message"]))
        fault = self._trouble.fault(call, number, invocation.folder)
        if fault is None:
            return self.world.call(call)
        invocation.troubles.append(f"{fault} at {call.name}")
        self.disturbed += 1
        self.struck.append((fault, call.operation))
        return self._trouble.disturb(call, fault, invocation)

    # -- rest --

    def _rest(self) -> None:
        """Deliver messages, end jobs and run the reconciler, without faults, until nothing moves."""
        self._trouble.end()
        self._order, self.world.mishaps = {}, {}
        self.world.sagemaker.endings, self.world.sagemaker.job_limit = {}, 1000
        self.world.runtime.endings = {}
        self.world.mend()
        quiet, days, state = 0, 0, None
        for seconds in RESTS:
            while self._has_work():
                self._run_command()
                self._step()
            before, state = state, self._state()
            quiet, days = (quiet + 1, days) if state == before else (0, 0)
            if quiet > QUIET and seconds > DAY and days >= self._family.quiet_days:
                return
            days += seconds > DAY
            self.world.clock.advance(seconds)
            self.world.tick()
            self._proceed(Invocation("reconcile"))
        raise AssertionError(f"records, objects, jobs or mails still change after {len(RESTS)} runs of the reconciler")

    def _state(self) -> tuple:
        items = self.world.table.items.items()
        states = sorted((key, item["state"]["S"]) for key, item in items if "state" in item)
        objects = sum(len(kept) for bucket in self.world.s3.buckets.values() for kept in bucket.keys.values())
        return states, objects, len(self.world.sagemaker.jobs), len(self.world.runtime.requests), len(self.world.mails)


def _expand_acts(acts: tuple[tuple[int, str, int], ...]) -> Iterator[tuple[int, str, int]]:
    """Yield (step, act, number) of each act."""
    at = 0
    for gap, act, number in acts:
        at += gap
        yield at, act, number


def play(wire: Wire, schedule: s.Schedule, family: Family) -> Player:
    return Player(wire, schedule, family).play()
