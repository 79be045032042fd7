"""`make demo`: the whole pipeline on one machine, from an empty one to predictions and a cold archive.

Starts the embedded AWS, deploys template.yaml to it, drops files, shows their progress, brings the results home
and stops everything. `--keep` leaves it up, `--stop` ends one that was left up.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import ROUNDED
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from seqdrop_cli.landing import Drop, plan_drops, upload_file
from seqdrop_cli.results import fetch_results, read_json
from seqdrop_cli.target import STACK_FILE, Target
from seqdrop_cli.watch import StalledError, explain_waiting, watch

from local import samples
from local.deploy import DeployError, Stack, deploy, push_seed
from local.embedded import EmbeddedAws, EmbeddedAwsError, NotRunningError, PortTakenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop_cli.progress import Progress

HOME = Path(".seqdrop")
WORKDIR = HOME / "aws"
SAMPLES = HOME / "samples"
RESULTS = HOME / "results"
PORT = 4566  # where people look for an emulated AWS


def main() -> int:
    """Run, and answer an exit status: 0 if every file reached the end it should."""
    options = parse()
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` runs
    try:
        if options.stop:
            return stop(console)
        with _alone():
            return demo(options, console)
    except (EmbeddedAwsError, DeployError, FileNotFoundError, StalledError) as error:
        console.print(f"✘ {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        left = (
            f"the one that KEEP=1 left up stays up ({STACK_FILE})" if STACK_FILE.exists() else "nothing is left running"
        )
        console.print(f"\nStopped by Ctrl-C; {left}.")
        return 130


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--drop", type=Path, help="a file or folder to drop in place of the samples")
    parser.add_argument("--keep", action="store_true", help="leave the embedded AWS up afterwards")
    parser.add_argument("--port", type=int, help=f"port to listen on (default: {PORT}, or a free one)")
    parser.add_argument("--stop", action="store_true", help="stop the one that --keep left up")
    return parser.parse_args()


def demo(options: argparse.Namespace, console: Console) -> int:
    drops = plan_drops([options.drop]) if options.drop else plan_drops([_samples()])
    if not drops:
        raise FileNotFoundError(f"{options.drop} holds no files")
    aws, target = _kept() or (None, None)
    if aws:
        console.print(f"Dropping into the embedded AWS that is up at {target.endpoint}; `make stop` ends it.")
        return _run(console, target, drops, expect_samples=options.drop is None)
    aws = _start(options, console)
    keep = False
    try:
        target = _deployed(aws, console)
        status = _run(console, target, drops, expect_samples=options.drop is None)
        keep = options.keep
    finally:
        if not keep:
            aws.stop()
    if keep:
        target.save()
        _tell_how_to_talk(console, target)
    return status


def stop(console: Console) -> int:
    """End the embedded AWS that `KEEP=1` left up. Nothing to stop is no error."""
    try:
        EmbeddedAws.attach(WORKDIR).stop()
        console.print("Stopped.")
    except NotRunningError:
        console.print("Nothing was running.")
    STACK_FILE.unlink(missing_ok=True)
    return 0


def _samples() -> Path:
    samples.write_samples(SAMPLES)
    return SAMPLES


def _kept() -> tuple[EmbeddedAws, Target] | None:
    """The one that an earlier `KEEP=1` left up, if it still is."""
    try:
        aws = EmbeddedAws.attach(WORKDIR)
    except NotRunningError:
        STACK_FILE.unlink(missing_ok=True)
        return None
    if STACK_FILE.exists():
        return aws, Target.load()
    aws.stop()  # left by a run that was killed before it was done; a run that goes on holds the lock
    return None


@contextmanager
def _alone() -> Iterator[None]:
    """One run at a time in a folder; the lock goes with the process, however that ends."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedAwsError("another `make demo` is running in this folder; wait for it, or end it") from None
        yield


def _start(options: argparse.Namespace, console: Console) -> EmbeddedAws:
    with console.status("starting the embedded AWS"):
        started = time.monotonic()
        try:
            aws = EmbeddedAws(WORKDIR, options.port or PORT, detached=options.keep, warm=True).start()
        except PortTakenError:
            if options.port:
                raise
            aws = EmbeddedAws(WORKDIR, None, detached=options.keep, warm=True).start()
    _done(console, f"embedded AWS at {aws.endpoint}, IAM enforced", started)
    return aws


def _deployed(aws: EmbeddedAws, console: Console) -> Target:
    started = time.monotonic()
    with console.status("template.yaml: sam build") as status:
        stack: Stack = deploy(aws, lambda step: status.update(f"template.yaml: {step}"))
    _done(console, "template.yaml built and deployed, seed models uploaded", started)
    names = {name: getattr(stack, name) for name in ("landing", "work", "results", "archive", "table")}
    return Target(region=aws.region, endpoint=aws.endpoint, access_key=aws.settings()["AWS_ACCESS_KEY_ID"], **names)


def _done(console: Console, text: str, started: float) -> None:
    console.print(f"[green]✔[/] {text} [dim]({time.monotonic() - started:.0f} s)[/]", highlight=False)


def _run(console: Console, target: Target, drops: list, expect_samples: bool) -> int:
    s3 = target.client("s3")
    late = [drop for drop in drops if expect_samples and drop.key == samples.PROTEINS]
    ended = _dropped(console, target, [drop for drop in drops if drop not in late])
    if late:
        console.print("\nThe model that was trained a moment ago is what proteins/ uses now.")
        ended += _dropped(console, target, late)
        push_seed(s3, target.results, "structure")  # made-up proteins are no school for whoever keeps this up
    rows = [_summary(s3, target, one) for one in ended]
    console.print(_summary_table(rows))
    for text in explain_waiting(ended):
        console.print(f"! {text}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Results: [bold]{RESULTS}/<landing key>/[/]  report.html opens in a browser, predictions.parquet and .jsonl "
        "open in pandas, calls.bed, calls.gff3 and track.*.bw in IGV or the UCSC browser; summary.json says what they "
        "are worth; reason.json and receipt.json are for reading.",
        highlight=False,
    )
    return _status(ended, expect_samples)


def _dropped(console: Console, target: Target, drops: list[Drop]) -> list[Progress]:
    """Drop files and wait for their ends, in order."""
    s3 = target.client("s3")
    versions = [upload_file(s3, target.landing, drop) for drop in drops]
    many = "1 file" if len(versions) == 1 else f"{len(versions)} files"
    console.print(f"[green]✔[/] {many} dropped into s3://{target.landing}\n", highlight=False)
    return watch(target.ledger(), versions, console)


def _status(ended: list[Progress], expect_samples: bool) -> int:
    """With the samples exactly the broken one is rejected; of a user's own files none may have failed."""
    if not expect_samples:
        return 1 if any(one.state == "FAILED" for one in ended) else 0
    wanted = ["REJECTED" if "S2_" in one.key else "ARCHIVED" for one in ended]
    return 0 if [one.state for one in ended] == wanted else 1


def _summary(s3, target: Target, one: Progress) -> tuple[str, str, str, str]:
    files = fetch_results(target, one, RESULTS)
    counts, reason = read_json(files, "summary.json").get("counts"), read_json(files, "reason.json")
    found = "validated" if one.state == "ARCHIVED" else one.detail
    if counts:
        found = _found(counts, read_json(files, "summary.json").get("structure"))
    if reason:
        found = (
            f"{reason['code']}: record {reason['record']}, line {reason['line']}"
            if reason["record"]
            else reason["code"]
        )
    if trained := read_json(files, "summary.json").get("version"):
        found = _trained(read_json(files, "summary.json"), trained)
    if read_json(files, "report.json").get("mate", {}).get("checked"):
        found += "; pair checked"
    return one.key, one.state, found, _archive_line(s3, target, one, read_json(files, "receipt.json"))


def _trained(summary: dict, version: str) -> str:
    """Which model came of a job.toml, how good it is, and whether it is the current one."""
    standing = "now the current model" if summary["current"] else "registered, not current"
    return f"trained {summary['model']} {version}: Q3 {summary['card']['figure']:.2f}, {standing}"


def _found(counts: dict, structure: dict | None) -> str:
    if "proteins" in counts:
        states = (structure or {}).get("composition", {}).items()
        shares = ", ".join(f"{share:.0%} {state}" for state, share in states)
        return f"{counts['proteins']:,} proteins, {counts['residues']:,} residues{': ' * bool(shares)}{shares}"
    left = sum(counts["not_scored"].values())
    called = f", {counts['calls']:,} called" if "calls" in counts else ""
    return f"{counts['windows']:,} windows{called}" + (f", {left:,} not scored" if left else "")


def _archive_line(s3, target: Target, one: Progress, receipt: dict) -> str:
    """What S3 itself says of the copy, beside the receipt: the class, and whether the checksums agree."""
    if not receipt:
        return "left in the landing bucket"
    head = s3.head_object(Bucket=target.archive, Key=receipt["archive"]["key"], ChecksumMode="ENABLED")
    same = base64.b64decode(head["ChecksumSHA256"]).hex() == receipt["landing"]["sha256"]
    return f"{head['StorageClass']}, checksum {'verified' if same else 'DIFFERS'}"


def _summary_table(rows: list[tuple[str, str, str, str]]) -> Table:
    table = Table(title="What became of each file", title_justify="left", box=ROUNDED)
    for name in ("file", "end", "found", "raw data"):
        table.add_column(name, overflow="fold")
    for key, state, found, archived in rows:
        colour = {"ARCHIVED": "green", "WAITING": "yellow"}.get(state, "red")
        table.add_row(Text(key), f"[{colour}]{state}[/]", Text(found), archived)
    return table


def _tell_how_to_talk(console: Console, target: Target) -> None:
    console.print(
        Panel(
            f"[bold]seqdrop drop FILE --watch[/]    drop more (the command is in .venv/bin)\n"
            f"[bold]seqdrop status[/]               where every upload stands\n"
            f"export AWS_ENDPOINT_URL={target.endpoint} AWS_ACCESS_KEY_ID={target.access_key} "
            f"AWS_SECRET_ACCESS_KEY={target.access_key} AWS_DEFAULT_REGION={target.region}\n"
            f"aws s3 ls s3://{target.results} --recursive\n"
            f"[bold]make stop[/]                    end it; {STACK_FILE} has the names",
            title=f"The embedded AWS is up at {target.endpoint}",
        ),
        highlight=False,
    )


if __name__ == "__main__":
    raise SystemExit(main())
