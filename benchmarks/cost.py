"""Work out what a run of 96 samples costs: `python benchmarks/cost.py`.

Print the tables of docs/cost.md: prices, the run, and the monthly cost of a stack that receives no files. Nothing is
measured here. The calls per upload were counted by benchmarks/orchestration.py for 96 uploads. The speeds are those of
analyses.toml, template.yaml and docs/performance.md. Every other number is an assumption that docs/cost.md lists.
Prices are list prices of us-east-1; check those of your region.
"""

from __future__ import annotations

from seqdrop.bus.types import list_read_states
from seqdrop.config.kind import Kind
from seqdrop.kinds.plans import packaged
from seqdrop_cli.costs.bill import Line, list_lines
from seqdrop_cli.costs.prices import DEFAULT_INSTANCE, PRICES, usd
from seqdrop_cli.costs.workload import Machines, Rates, Workload

HOURS_PER_MONTH = 730
SAMPLES, SIZE = 96, 10**9  # single-end FASTQ files dropped under reads/, and bytes of each
READS = 100_000  # of each file that the model scores: `max_reads` of reads/ in analyses.toml
WINDOWS_PER_READ = 3  # of a read of 150 bp with window and stride 70: 0-70, 70-140 and 80-150
WATCHED = 67  # metrics of the alarms in template.yaml that exist without conditions
WATCHED_ENDPOINTS = 8  # metrics of those that exist only with Endpoints=true; each endpoint has OWN_ALARMS besides
WATCHED_MONITORING = 9  # metrics of those that exist only with Monitoring=true
WATCHED_CATALOGUE = 6  # metrics of those that exist only if something is derived from results: Catalogue, Features
WATCHED_TRANSFER = 8  # metrics of those that exist only with Transfer=true
WATCHED_WORKFLOWS = 6  # metrics of those that exist only with Workflows=true
WATCHED_WEBHOOK = 3  # metrics of those that exist only with Events=true and WebhookUrl
OWN_ALARMS = 3
FEATURED = 1000  # uploads with a report and predictions, so with two records
RECORD_KB = 2  # a record is billed as this: an assumption for some thirty features
FEATURE_READS = (
    8  # of an upload: its report, its summary and its receipt are handled, and what was written is read again
)
FILES_OF_ROWS = (
    5  # that a commit to an Iceberg table puts into S3: rows, manifest, list of manifests, metadata, and one to spare
)
POLLS = 5 * HOURS_PER_MONTH * 3600 / 20  # of one queue in a month: five pollers, requests of 20 seconds
QUERIES = len(list_read_states())  # of the ledger's index, for events
EVENTS = 100_000  # in a month: about 33,000 uploads, each accepted, predicted and archived
EVENT_GB = EVENTS * 1000 / 1e9  # of a kilobyte each
MONITORED = 30 * 10 / 60  # hours of monitoring jobs in a month: ten minutes a day
PUBLISHED = 11  # metrics that reconcile publishes at every run
JOBS = 3  # counted by benchmarks/orchestration.py for 96 uploads


def make_run() -> Workload:
    """Return the work of the run whose cost the page works out."""
    windows = SAMPLES * READS * WINDOWS_PER_READ
    hours = windows / packaged().by_name["reads"].job.windows_per_second / 3600
    return Workload(
        sizes=(SIZE,) * SAMPLES,
        windows=windows,
        result_bytes=windows * Kind.result_bytes,
        transforms=Machines(hours, JOBS, PRICES["job"].usd),
        by_lambda=SAMPLES * SIZE,
    )


def list_month_costs() -> list[Line]:
    """Return the bill of a month in which no files are dropped, without AWS's free tiers."""
    runs = HOURS_PER_MONTH * 12  # every five minutes
    polls = 10 * POLLS  # ten queues
    return [
        Line("", "KMS: the stack's key", "1", usd("key", 1)),
        Line("", "CloudWatch: alarms", f"{WATCHED} metrics", usd("alarm", WATCHED)),
        Line("", "CloudWatch: metrics of reconcile", f"{PUBLISHED}", usd("metric", PUBLISHED)),
        Line("", "CloudWatch: dashboard", "1", usd("dashboard", 1)),
        Line("", "SQS: Lambda's polling", f"{polls / 1e6:.1f} M requests", usd("sqs", polls)),
        Line("", "Lambda: reconcile", f"{runs:,} × 3 s × 0.5 GB", usd("lambda", runs * 1.5) + usd("invocation", runs)),
    ]


def list_option_costs() -> list[Line]:
    """Return what a month costs more with one endpoint of one instance, and with each part that is off by default.

    Features alone needs the same function, alarms and queue as Catalogue.
    """
    queries = HOURS_PER_MONTH * 12 * QUERIES * 0.5  # eventually consistent
    archive = usd("event_archive", EVENT_GB) + usd("archived_events", 12 * EVENT_GB)
    webhooks = usd("event", EVENTS) + usd("destination", EVENTS)
    alarms, always = WATCHED_ENDPOINTS + OWN_ALARMS, f"{HOURS_PER_MONTH} h × {PRICES['job'].usd} dollars"
    return [
        Line(
            "", "Endpoints: alarms", f"{WATCHED_ENDPOINTS} metrics, {OWN_ALARMS} of each endpoint", usd("alarm", alarms)
        ),
        Line("", "Endpoints: dashboard", "1", usd("dashboard", 1)),
        Line("", "Endpoints: Lambda's polling of a queue", f"{POLLS / 1e6:.1f} M requests", usd("sqs", POLLS)),
        Line("", f"one real-time endpoint, {DEFAULT_INSTANCE}, all the time", always, usd("job", HOURS_PER_MONTH)),
        Line("", "Monitoring: alarms", f"{WATCHED_MONITORING} metrics", usd("alarm", WATCHED_MONITORING)),
        Line("", "Monitoring: dashboard", "1", usd("dashboard", 1)),
        Line("", "Monitoring: Lambda's polling of a queue", f"{POLLS / 1e6:.1f} M requests", usd("sqs", POLLS)),
        Line("", f"Monitoring: jobs of {DEFAULT_INSTANCE}", "30 × 10 minutes", usd("job", MONITORED)),
        Line("", "Transfer: alarms", f"{WATCHED_TRANSFER} metrics", usd("alarm", WATCHED_TRANSFER)),
        Line("", "Transfer: dashboard", "1", usd("dashboard", 1)),
        Line("", "Transfer: Lambda's polling of a queue", f"{POLLS / 1e6:.1f} M requests", usd("sqs", POLLS)),
        Line("", "Catalogue: alarms", f"{WATCHED_CATALOGUE} metrics", usd("alarm", WATCHED_CATALOGUE)),
        Line("", "Catalogue: dashboard", "1", usd("dashboard", 1)),
        Line("", "Catalogue: Lambda's polling of a queue", f"{POLLS / 1e6:.1f} M requests", usd("sqs", POLLS)),
        Line("", "Workflows: alarms", f"{WATCHED_WORKFLOWS} metrics", usd("alarm", WATCHED_WORKFLOWS)),
        Line("", "Workflows: dashboard", "1", usd("dashboard", 1)),
        Line("", "Workflows: Lambda's polling of a queue", f"{POLLS / 1e6:.1f} M requests", usd("sqs", POLLS)),
        Line("", "Events: queries of reconcile", f"{HOURS_PER_MONTH * 12:,} × {QUERIES}", usd("read", queries)),
        Line("", "Events: events", f"{EVENTS:,}", usd("event", EVENTS)),
        Line("", "Events: archive, its events and a year of them", f"{EVENT_GB} GB", archive),
        Line("", "Webhook: its own events, and requests", f"{EVENTS:,} each", webhooks),
        Line("", "Webhook: alarms", f"{WATCHED_WEBHOOK} metrics", usd("alarm", WATCHED_WEBHOOK)),
        Line("", "Webhook: dashboard", "1", usd("dashboard", 1)),
    ]


def list_feature_costs() -> list[Line]:
    """Return what the features of FEATURED uploads cost, if each upload has two records."""
    records = 2 * FEATURED
    written, reads, gigabytes = records * RECORD_KB, FEATURE_READS * FEATURED, records * RECORD_KB / 1e6
    puts = records * FILES_OF_ROWS
    return [
        Line("", "records written", f"{records:,} × {RECORD_KB} units", usd("feature_write", written)),
        Line("", "records read before and after", f"{FEATURED:,} × {FEATURE_READS} units", usd("feature_read", reads)),
        Line("", "online store, a month", f"{records:,} × {RECORD_KB} KB", usd("feature_storage", gigabytes)),
        Line("", "offline store, PUT, at most", f"{records:,} × {FILES_OF_ROWS}", usd("put", puts)),
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
        "run": format_lines(list_lines(make_run(), Rates())),
        "month": format_lines(list_month_costs()),
        "options": format_lines(list_option_costs()),
        "features": format_lines(list_feature_costs()),
    }


def main() -> None:
    """Print the tables."""
    for name, table in tables().items():
        print(f"<!-- {name} -->\n{table}\n")


if __name__ == "__main__":
    main()
