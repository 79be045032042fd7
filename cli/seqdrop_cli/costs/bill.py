"""The lines of the bill of a drop, each with its calculation. Where the code leaves a choice, a line is too high."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.costs import archive
from seqdrop_cli.costs.prices import usd
from seqdrop_cli.costs.workload import DAYS_PER_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.costs.workload import Machines, Rates, Workload

# Groups of lines, in the order in which the bill shows them.
JOBS, FUNCTIONS, REQUESTS, STORAGE, ARCHIVE = "SageMaker jobs", "functions", "requests", "storage", "archive"
VALIDATE_GB = FINISH_GB = 1.769  # memory of the functions in template.yaml
ARCHIVE_GB = 0.5


@dataclass(frozen=True)
class Line:
    """A line of the bill: its group, the item, its calculation, and its cost in US dollars."""

    group: str
    item: str
    calculation: str
    usd: float


def list_lines(work: Workload, rates: Rates) -> list[Line]:
    """Return the bill of a drop until the files have been in the archive for the shortest time that is billed.

    `rates` are those of files that are processed; files that are only hashed have KEPT.
    """
    rates = work.rates_of(rates)
    return [*_functions(work, rates), *_jobs(work, rates), *_requests(work, rates), *_storage(work, rates)]


def _functions(work: Workload, rates: Rates) -> Iterator[Line]:
    count, rate = len(work.sizes), rates.read_mb_per_second
    by_lambda = work.by_lambda / 1e9
    validate = by_lambda * 1000 / rate * VALIDATE_GB
    yield Line(
        FUNCTIONS,
        "Lambda: validate",
        f"{by_lambda:,.4g} GB ÷ {rate:g} MB/s × {VALIDATE_GB} GB = {validate:,.0f} GB-s",
        usd("lambda", validate),
    )
    if work.windows:
        finish = work.windows / 10e6 * rates.finish_minutes * 60 * FINISH_GB
        calculation = f"{rates.finish_minutes:g} min per 10 M × {FINISH_GB} GB = {finish:,.0f} GB-s"
        yield Line(FUNCTIONS, "Lambda: finish", f"{_millions(work)} × {calculation}", usd("lambda", finish))
    copying = work.gigabytes * rates.copy_seconds_per_gb * ARCHIVE_GB
    yield Line(
        FUNCTIONS,
        "Lambda: archive",
        f"{work.gigabytes:,.4g} GB × {rates.copy_seconds_per_gb:g} s × {ARCHIVE_GB} GB = {copying:,.0f} GB-s",
        usd("lambda", copying),
    )
    calls = count * rates.invocations
    if work.kept:
        yield _waits(count, rates)
    yield Line(
        FUNCTIONS,
        "Lambda: requests",
        f"{count:,} × {rates.invocations:g}",
        usd("invocation", calls),
    )


def _waits(count: int, rates: Rates) -> Line:
    """Return the line of the time in which functions wait for their calls, which small files consist of."""
    seconds = rates.validate_seconds * VALIDATE_GB + rates.archive_seconds * ARCHIVE_GB
    each = f"{rates.validate_seconds:g} s × {VALIDATE_GB} GB + {rates.archive_seconds:g} s × {ARCHIVE_GB} GB"
    calculation = f"{count:,} × ({each}) = {count * seconds:,.0f} GB-s"
    return Line(FUNCTIONS, "Lambda: calls of small files", calculation, usd("lambda", count * seconds))


def _jobs(work: Workload, rates: Rates) -> Iterator[Line]:
    if work.transforms.jobs:
        yield _machines("SageMaker batch transform", work.transforms, rates, _millions(work))
    if work.examinations.jobs:
        yield _machines("SageMaker processing of large files", work.examinations, rates)
    if work.training_usd:
        yield Line(JOBS, "SageMaker training", "as `seqdrop plan` estimates it", work.training_usd)


def _machines(item: str, machines: Machines, rates: Rates, what: str = "") -> Line:
    hours = machines.billed_hours(rates)
    start = f"{machines.jobs} × {rates.start_minutes:g} min"
    work = f"{what} in {machines.hours:,.2f} h" if what else f"{machines.hours:,.2f} h"
    calculation = f"{work} + {start} = {hours:,.1f} h × ${machines.usd_per_hour:g}"
    return Line(JOBS, item, calculation, machines.usd(rates))


def _millions(work: Workload) -> str:
    return f"{work.windows / 1e6:,.4g} M windows"


def _requests(work: Workload, rates: Rates) -> Iterator[Line]:
    count = len(work.sizes)
    units = count * rates.ledger_writes * rates.item_kb * 4  # 2 for a write in a transaction, 2 for the index entry
    reads = count * rates.ledger_calls
    kms = work.puts + work.gets + count * (rates.s3_calls + rates.sqs_calls)
    yield Line(REQUESTS, "S3: the upload", f"{work.puts:,} PUT", usd("put", work.puts))
    yield Line(REQUESTS, "S3: reading the files", f"{work.gets:,} GET", usd("get", work.gets))
    other = usd("put", count * rates.s3_calls)
    yield Line(REQUESTS, "S3: other calls", f"{count:,} × {rates.s3_calls}, all priced as PUT", other)
    yield Line(REQUESTS, "EventBridge", f"{count:,} events of S3", usd("event", count))
    sent = usd("sqs", count * rates.sqs_calls * 3)
    yield Line(REQUESTS, "SQS", f"{count:,} × {rates.sqs_calls} sent, each received and deleted", sent)
    writes = f"{count:,} × {rates.ledger_writes} × {rates.item_kb} KB × 4 = {units:,.0f} units"
    yield Line(REQUESTS, "DynamoDB: writes", writes, usd("write", units))
    yield Line(REQUESTS, "DynamoDB: reads", f"{count:,} × {rates.ledger_calls} × 4 units", usd("read", 4 * reads))
    yield Line(REQUESTS, "KMS", f"{kms:,.0f} requests, one for each call above", usd("kms", kms))
    logs = usd("log", count * rates.log_kb / 1e6)
    yield Line(REQUESTS, "CloudWatch Logs", f"{count:,} × {rates.log_kb:g} KB", logs)


def _storage(work: Workload, rates: Rates) -> Iterator[Line]:
    total, results = work.gigabytes, work.result_bytes / 1e9
    landing = usd("standard", total * rates.landing_days / DAYS_PER_MONTH)
    yield Line(STORAGE, "S3 Standard: landing bucket", f"{total:,.4g} GB × {rates.landing_days:g} day", landing)
    if results:
        work_gb = usd("standard", 2 * results * rates.work_days / DAYS_PER_MONTH)
        calculation = f"2 × {results:,.2g} GB × {rates.work_days:g} days"
        yield Line(STORAGE, "S3 Standard: work bucket", calculation, work_gb)
        first = usd("standard", results)
        yield Line(STORAGE, "S3 Standard: results, first month", f"{results:,.2g} GB", first)
    yield from (Line(ARCHIVE, *cost) for cost in archive.list_costs(work))
