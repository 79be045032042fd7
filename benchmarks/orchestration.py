"""The cost of a burst of uploads: `python benchmarks/orchestration.py [--uploads 100 1000 10000]`.

The real functions run through real boto3 against the AWS in memory of tests/faults. All uploads arrive at once, in runs
of 96 samples, and one event in five is delivered twice. Each row has the number of jobs, the highest number of jobs
open at the same time, and per upload the AWS calls, by service, and the writes to the ledger. The cost per upload does
not depend on the number of uploads.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from typing import TYPE_CHECKING

from tests.faults.files import ANALYSES, MODELS, point_to
from tests.faults.lambdas import Invocation
from tests.faults.world import TWICE, World
from tests.support.aws import template
from tests.support.aws.wire import Wire, wire_services

if TYPE_CHECKING:
    from tests.support.aws.account import Call

RUN = 96  # samples
EVERY = 5  # one event in this number is delivered twice
PAGE = 1_000_000  # bytes in one page of a query; the table in memory returns a single page


class Burst:
    """A burst of uploads in an AWS in memory of its own, and the counts of its calls."""

    def __init__(self, wire: Wire, uploads: int) -> None:
        self.world, self.calls, self.writes = World(), Counter(), 0
        self.world.mishaps = dict.fromkeys(range(0, uploads, EVERY), TWICE)
        self.most_open = 0
        wire.respond, wire.clock = self._respond, self.world.clock
        point_to(self.world, MODELS[0])
        for number in range(uploads):
            run, sample = divmod(number, RUN)
            bases = "".join("ACGT"[number >> shift & 3] for shift in range(0, 16, 2)) * 5
            body = f"@r{number}\n{bases}\n+\n{'I' * len(bases)}\n".encode()
            self.world.s3.put(self.world.name("landing"), f"reads/run{run}/S{sample}.fastq", body)

    def _respond(self, call: Call) -> dict:
        response = self.world.call(call)
        self.calls[call.service] += 1
        if call.operation == "TransactWriteItems":
            self.writes += len(call.request["TransactItems"])
        if call.operation == "Query":  # the real service would need a further call for each further page
            self.calls[call.service] += len(repr(response["Items"])) // PAGE
        if call.operation == "CreateTransformJob":
            open_jobs = sum(job.status == "InProgress" for job in self.world.sagemaker.jobs.values())
            self.most_open = max(self.most_open, open_jobs)
        return response

    def play(self) -> None:
        """Deliver messages and let jobs end, until no work is left."""
        while True:
            if sum(self._drain(function) for function in template.functions()):
                continue
            next_at = self.world.sagemaker.next_at()
            if next_at is None:
                return
            self.world.clock.advance(next_at - self.world.clock.seconds)
            self.world.sagemaker.run()

    def _drain(self, function: template.Function) -> bool:
        """Deliver all visible messages of a function's queue in batches; return False if there were none."""
        queues, worked = self.world.queues, False
        while batch := list(islice(queues.messages[function.queue], function.batch)):
            messages = queues.receive(function.queue, batch)
            invocation = Invocation(function.folder, function.queue, messages)
            invocation.proceed(lambda _: None)
            if invocation.error or invocation.failed:
                raise SystemExit(f"{function.folder} failed: {invocation.error or invocation.failed}")
            for message in messages:
                queues.done(function.queue, message)
            worked = True
        return worked

    def final_states(self) -> Counter[str]:
        """Return the number of uploads in each state."""
        items = self.world.table.items.values()
        return Counter(item["state"]["S"] for item in items if item.get("kind", {}).get("S") == "upload")


def main() -> None:
    """Play bursts of each size, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uploads", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--max-jobs", type=int, default=10, help="maximum number of open transform jobs (default 10)")
    options = parser.parse_args()
    text = ANALYSES.replace("max_members = 3", "max_members = 50")
    services = ("dynamodb", "s3", "sqs", "sagemaker", "sns")
    titles = "  ".join(f"{name:>9}" for name in services)
    print(f"uploads  jobs  at once  calls an upload  {titles}  ledger writes")
    with wire_services(text, max_jobs=str(options.max_jobs)) as wire:
        for uploads in options.uploads:
            began, burst = time.perf_counter(), Burst(wire, uploads)
            burst.play()
            if burst.final_states() != {"ARCHIVED": uploads}:
                raise SystemExit(f"not all uploads are ARCHIVED: {burst.final_states()}")
            each = "  ".join(f"{burst.calls[name] / uploads:9.2f}" for name in services)
            jobs, total = len(burst.world.sagemaker.jobs), sum(burst.calls.values()) / uploads
            seconds, writes = time.perf_counter() - began, burst.writes / uploads
            row = f"{uploads:7}  {jobs:4}  {burst.most_open:7}  {total:15.2f}  {each}  {writes:13.2f}"
            print(f"{row}   ({seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
