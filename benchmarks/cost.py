"""Work out what a run of 96 samples costs: `python benchmarks/cost.py`.

Print the tables of docs/cost.md: prices, the run, and the monthly cost of a stack that receives no files. Nothing is
measured here. The calls per upload were counted by benchmarks/orchestration.py for 96 uploads. The speeds are those of
analyses.toml, template.yaml and docs/performance.md. Every other number is an assumption that docs/cost.md lists.
Prices are list prices of us-east-1; check those of your region.
"""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.aws import multipart, prices, ranged_stream
from seqdrop.stages.archive.receipts import MINIMUM_DAYS

INSTANCE = "ml.m5.xlarge"  # the default of the template's InstanceType
CHUNK = 8 << 20  # bytes in one part of an upload by the AWS CLI or boto3
HOURS_PER_MONTH = 730
DAYS_PER_MONTH = 30


@dataclass(frozen=True)
class Price:
    """A list price of us-east-1 in US dollars per unit, and the AWS pricing page that states it."""

    service: str
    usd: float
    unit: str
    page: str


PRICES = {
    "lambda": Price("Lambda, x86_64, compute", 0.0000166667, "GB-second", "lambda"),
    "invocation": Price("Lambda, requests", 0.20 / 1e6, "request", "lambda"),
    "put": Price("S3 Standard, PUT, COPY, POST, LIST", 0.005 / 1e3, "request", "s3"),
    "get": Price("S3 Standard, GET and others", 0.0004 / 1e3, "request", "s3"),
    "standard": Price("S3 Standard, storage", 0.023, "GB-month", "s3"),
    "deep_put": Price("S3 Deep Archive, PUT and COPY", 0.05 / 1e3, "request", "s3"),
    "deep": Price("S3 Deep Archive, storage", 0.00099, "GB-month", "s3"),
    "event": Price("EventBridge, events", 1.00 / 1e6, "event", "eventbridge"),
    "sqs": Price("SQS, standard queue", 0.40 / 1e6, "request", "sqs"),
    "write": Price("DynamoDB on demand, write request unit", 0.625 / 1e6, "unit", "dynamodb"),
    "read": Price("DynamoDB on demand, read request unit", 0.125 / 1e6, "unit", "dynamodb"),
    "transform": Price(f"SageMaker batch transform, {INSTANCE}", prices.PRICES[INSTANCE], "hour", "sagemaker/ai"),
    "kms": Price("KMS, requests", 0.03 / 1e4, "request", "kms"),
    "key": Price("KMS, a key", 1.00, "month", "kms"),
    "log": Price("CloudWatch Logs, ingestion", 0.50, "GB", "cloudwatch"),
    "alarm": Price("CloudWatch, a standard alarm", 0.10, "month", "cloudwatch"),
    "metric": Price("CloudWatch, a custom metric", 0.30, "month", "cloudwatch"),
    "trace": Price("X-Ray, recorded traces", 5.00 / 1e6, "trace", "xray"),
}


@dataclass(frozen=True)
class Run:
    """The run whose cost is calculated, and the assumptions about it."""

    samples: int = 96
    """Single-end FASTQ files, dropped under reads/."""
    gigabytes: float = 1.0
    """Compressed size of each file, in 1e9 bytes."""
    reads: int = 100_000
    """Reads of each file that the model scores: `max_reads` of reads/ in analyses.toml."""
    windows_per_read: int = 3
    """Of a read of 150 bp with window and stride 70: 0-70, 70-140 and 80-150."""
    jobs: int = 3
    """Counted by benchmarks/orchestration.py for 96 uploads, like the next four numbers, which are per upload."""
    s3_calls: float = 20.09
    ledger_calls: float = 16.94
    ledger_writes: float = 7.16
    sqs_calls: float = 2.24
    invocations: int = 3
    """Per upload: validate, archive, and a share of the functions that handle batches; rounded up."""
    read_mb_per_second: float = 10.0
    """Speed of a Lambda according to analyses.toml: half of the 20 MB/s of gzip that one core reads."""
    windows_per_second: float = 661.0
    """docs/performance.md: promoter-300 in fp32 on two cores of an AMD EPYC."""
    start_minutes: float = 5.0
    """Assumed: minutes until a job's machine has started and loaded its image, and that they are billed."""
    finish_minutes: float = 6.0
    """Minutes in which finish handles 10 million windows: four to six, according to template.yaml."""
    copy_seconds_per_gb: float = 60.0
    """Assumed: seconds that archive waits for the copy of 1 GB and its checksum."""
    result_bytes: int = 124
    """Per window, in predictions.parquet and .jsonl together; from 6,000 windows of `seqdrop predict`."""
    item_kb: int = 2
    """Assumed: size of a ledger item. A write and its index entry are each billed in whole kilobytes."""
    log_kb: float = 20.0
    """Assumed: log text for each upload, over all functions."""
    landing_days: float = 1.0
    work_days: float = 14.0

    @property
    def windows(self) -> int:
        """Number of windows that the model scores, in all samples."""
        return self.samples * self.reads * self.windows_per_read


@dataclass(frozen=True)
class Line:
    """A line of the bill: the item, its calculation, and its cost in US dollars."""

    item: str
    calculation: str
    usd: float


def usd(name: str, amount: float) -> float:
    """Return the price of an amount in US dollars; `name` is a key of PRICES."""
    return PRICES[name].usd * amount


def list_run_costs(run: Run) -> list[Line]:
    """Return the bill of one run. Where the code leaves a choice, the line is an upper estimate."""
    return [*_computing(run), *_moving(run), *_keeping(run)]


def _computing(run: Run) -> list[Line]:
    validate = run.samples * run.gigabytes * 1000 / run.read_mb_per_second * 1.769
    finish = run.windows / 10e6 * run.finish_minutes * 60 * 1.769
    archive = run.samples * run.gigabytes * run.copy_seconds_per_gb * 0.5
    hours = run.windows / run.windows_per_second / 3600 + run.jobs * run.start_minutes / 60
    return [
        Line(
            "Lambda: validate",
            f"{run.samples} × {run.gigabytes:g} GB ÷ {run.read_mb_per_second:g} MB/s × 1.769 GB = {validate:,.0f} GB-s",
            usd("lambda", validate),
        ),
        Line(
            "Lambda: finish",
            f"{run.windows / 1e6:.1f} M windows × {run.finish_minutes:g} min per 10 M × 1.769 GB = {finish:,.0f} GB-s",
            usd("lambda", finish),
        ),
        Line(
            "Lambda: archive",
            f"{run.samples} × {run.gigabytes:g} GB × {run.copy_seconds_per_gb:g} s × 0.5 GB = {archive:,.0f} GB-s",
            usd("lambda", archive),
        ),
        Line(
            "Lambda: requests and X-Ray traces",
            f"{run.samples} × {run.invocations}",
            usd("invocation", run.samples * run.invocations) + usd("trace", run.samples * run.invocations),
        ),
        Line(
            f"SageMaker batch transform, {INSTANCE}",
            f"{run.windows / 1e6:.1f} M windows ÷ {run.windows_per_second:g}/s + {run.jobs} × "
            f"{run.start_minutes:g} min = {hours:.1f} h",
            usd("transform", hours),
        ),
    ]


def _moving(run: Run) -> list[Line]:
    parts = int(run.gigabytes * 1e9 / CHUNK) + 3  # the last part, and the calls that start and complete the upload
    ranges = int(run.gigabytes * 1e9 / ranged_stream.PART) + 1
    calls = run.samples * run.s3_calls
    units = run.samples * run.ledger_writes * run.item_kb * 4  # 2 for a write in a transaction, 2 for the index entry
    reads = run.samples * run.ledger_calls
    kms = run.samples * (parts + ranges + run.s3_calls + run.sqs_calls)
    return [
        Line("S3: the upload", f"{run.samples} × {parts} PUT", usd("put", run.samples * parts)),
        Line("S3: reading the file", f"{run.samples} × {ranges} GET", usd("get", run.samples * ranges)),
        Line("S3: other calls", f"{run.samples} × {run.s3_calls}, all priced as PUT", usd("put", calls)),
        Line("EventBridge", f"{run.samples} events of S3", usd("event", run.samples)),
        Line(
            "SQS",
            f"{run.samples} × {run.sqs_calls} sent, each received and deleted",
            usd("sqs", run.samples * run.sqs_calls * 3),
        ),
        Line(
            "DynamoDB: writes",
            f"{run.samples} × {run.ledger_writes} × {run.item_kb} KB × 4 = {units:,.0f} units",
            usd("write", units),
        ),
        Line("DynamoDB: reads", f"{run.samples} × {run.ledger_calls} × 4 units", usd("read", 4 * reads)),
        Line("KMS", f"{kms:,.0f} requests, one for each call above", usd("kms", kms)),
        Line("CloudWatch Logs", f"{run.samples} × {run.log_kb:g} KB", usd("log", run.samples * run.log_kb / 1e6)),
    ]


def _keeping(run: Run) -> list[Line]:
    total = run.samples * run.gigabytes
    results = run.windows * run.result_bytes / 1e9
    months = MINIMUM_DAYS / DAYS_PER_MONTH
    copies = run.samples * (1 if run.gigabytes * 1e9 <= multipart.WHOLE else int(run.gigabytes * 1e9 / multipart.PART))
    overhead = run.samples * (32 * PRICES["deep"].usd + 8 * PRICES["standard"].usd) / 1e6 * months
    return [
        Line(
            "S3 Standard: landing bucket",
            f"{total:g} GB × {run.landing_days:g} day",
            usd("standard", total * run.landing_days / DAYS_PER_MONTH),
        ),
        Line(
            "S3 Standard: work bucket",
            f"2 × {results:.1f} GB × {run.work_days:g} days",
            usd("standard", 2 * results * run.work_days / DAYS_PER_MONTH),
        ),
        Line("S3 Standard: results, first month", f"{results:.1f} GB", usd("standard", results)),
        Line("Deep Archive: copies", f"{copies} COPY", usd("deep_put", copies)),
        Line(
            f"Deep Archive: {MINIMUM_DAYS} days, the least that is billed",
            f"{total:g} GB × {months:g} months",
            usd("deep", total * months),
        ),
        Line(
            f"Deep Archive: overhead for {MINIMUM_DAYS} days",
            f"{run.samples} × (32 KB Deep Archive + 8 KB Standard) × {months:g} months",
            overhead,
        ),
    ]


def list_month_costs() -> list[Line]:
    """Return the bill of a month in which no files are dropped, without AWS's free tiers."""
    runs = HOURS_PER_MONTH * 12  # every five minutes
    polls = 5 * 5 * HOURS_PER_MONTH * 3600 / 20  # five queues, five pollers, 20 seconds
    metrics = 14
    return [
        Line("KMS: the stack's key", "1", usd("key", 1)),
        Line("CloudWatch: alarms", "6", usd("alarm", 6)),
        Line("CloudWatch: metrics of reconcile", f"{metrics}", usd("metric", metrics)),
        Line("SQS: Lambda's polling", f"{polls / 1e6:.1f} M requests", usd("sqs", polls)),
        Line("Lambda: reconcile", f"{runs:,} × 3 s × 0.5 GB", usd("lambda", runs * 1.5) + usd("invocation", runs)),
        Line("X-Ray: reconcile", f"{runs:,} traces", usd("trace", runs)),
    ]


def format_prices() -> str:
    """Return the prices as Markdown."""
    rows = [
        f"| {price.service} | {price.usd:.10f}".rstrip("0").rstrip(".")
        + f" | {price.unit} | <https://aws.amazon.com/{price.page}/pricing/> |"
        for price in PRICES.values()
    ]
    return "\n".join(["| of | US dollars | per | AWS page |", "|---|---|---|---|", *rows])


def format_lines(lines: list[Line]) -> str:
    """Return the lines of a bill as Markdown, with their total."""
    rows = [f"| {line.item} | {line.calculation} | {line.usd:.4f} |" for line in lines]
    total = f"| **total** | | **{sum(line.usd for line in lines):.2f}** |"
    return "\n".join(["| what | calculation | US dollars |", "|---|---|---|", *rows, total])


def tables() -> dict[str, str]:
    """Return each table of docs/cost.md by the name of its marker."""
    return {
        "prices": format_prices(),
        "run": format_lines(list_run_costs(Run())),
        "month": format_lines(list_month_costs()),
    }


def main() -> None:
    """Print the tables."""
    for name, table in tables().items():
        print(f"<!-- {name} -->\n{table}\n")


if __name__ == "__main__":
    main()
