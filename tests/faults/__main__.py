"""`make faults N=10000`: play many schedules, each with faults of its own."""

from __future__ import annotations

import argparse
import sys
import time

from tests.faults.families import FAMILIES, FILES, Family
from tests.faults.schedule import Schedule
from tests.faults.search import HUNDRED, InvariantError, check, search
from tests.support.aws.wire import Wire, wire_services


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="how many schedules (1000)")
    parser.add_argument(
        "--seed", type=int, default=1, help="seed of the first schedule; the seeds of the others follow it (1)"
    )
    parser.add_argument("--family", choices=FAMILIES, default=FILES.name, help="the files that are dropped (files)")
    parser.add_argument("--schedule", help="play this schedule, in the form that a failure prints")
    options = parser.parse_args()
    family = FAMILIES[options.family]
    with wire_services(family.analyses, **family.settings) as wire:
        if options.schedule:
            return _play_one(wire, Schedule.from_json(options.schedule), family)
        return _play_many(wire, options.n, options.seed, family)


def _play_one(wire: Wire, schedule: Schedule, family: Family) -> int:
    try:
        check(wire, schedule, family)
    except InvariantError as error:
        print(error, *wire.log, sep="\n")
        return 1
    print("every invariant holds")
    return 0


def _play_many(wire: Wire, count: int, first: int, family: Family) -> int:
    number, failures, since = first, [], time.monotonic()
    try:
        while number < first + count:
            failure = search(wire, number, min(HUNDRED, first + count - number), family=family)
            if failure:
                failures.append(failure)
                print(f"\n{failure}", flush=True)
            number = failure.seed + 1 if failure else min(number + HUNDRED, first + count)
            played = number - first
            seconds = time.monotonic() - since
            print(
                f"\r{played:,} schedules, {seconds / played:.3f} s each, {len(failures)} failures", end="", flush=True
            )
    except KeyboardInterrupt:
        print("\ninterrupted", end="")
    print(f"\nseeds {first} to {number - 1}: {_summarize(failures)}")
    return 1 if failures else 0


def _summarize(failures: list) -> str:
    if not failures:
        return "every invariant held"
    seeds = ", ".join(str(failure.seed) for failure in failures)
    return f"{len(failures)} failures; to repeat one: `make faults N=1 SEED=… FAMILY=…`, with a seed of {seeds}"


if __name__ == "__main__":
    sys.exit(main())
