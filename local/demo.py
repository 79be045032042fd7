"""`make demo`: the whole pipeline on one machine, from nothing to predictions and a cold archive.

Starts the embedded AWS, deploys template.yaml to it, drops files, shows their progress, downloads the results and stops
everything. `--keep` leaves it running, `--stop` ends one that was left running.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import json
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.box import ROUNDED
from rich.console import Console
from rich.table import Table
from rich.text import Text
from seqdrop.aws import keys
from seqdrop_cli.errors import CommandError, describe
from seqdrop_cli.landing import Drop, plan_drops, upload_file
from seqdrop_cli.model_versions import apply_change, propose_version
from seqdrop_cli.results import fetch_results, read_json
from seqdrop_cli.target import STACK_FILE, Target
from seqdrop_cli.upload_table import Key
from seqdrop_cli.watch import explain_waiting, watch

from local import samples
from local.deploy import DeployError, Stack, deploy, push_seed
from local.embedded import EmbeddedAws, EmbeddedAwsError, NotRunningError, PortTakenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3.client import S3Client
    from seqdrop_cli.progress import Progress

HOME = Path(".seqdrop")
WORKDIR = HOME / "aws"
SAMPLES = HOME / "samples"
RESULTS = HOME / "results"
DEFAULT_PORT = 4566  # where people look for an emulated AWS
FAILED, INTERRUPTED, TERMINATED = 2, 130, 143


@dataclass(frozen=True)
class Options:
    """Arguments of the demo. `port` None is the default port, or a free one where it is in use."""

    drop: Path | None
    keep: bool
    port: int | None
    stop: bool


def main() -> int:
    """Run the demo; return 0 if every file reached its expected state, 1 if not, 2 after an error."""
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that `finally` runs
    try:
        options = parse()
        if options.stop:
            return stop(console)
        with _lock():
            return run(options, console)
    except (EmbeddedAwsError, DeployError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        console.print(f"\nStopped by Ctrl-C; {_describe_what_runs()}.")
        return INTERRUPTED
    except Exception as error:
        sentence = describe(error)
        if sentence is None:
            raise
        return _fail(sentence)


def _fail(sentence: str) -> int:
    print(f"seqdrop: {sentence}", file=sys.stderr)
    return FAILED


def _describe_what_runs() -> str:
    if STACK_FILE.exists():
        return f"the embedded AWS that KEEP=1 left running stays up ({STACK_FILE})"
    return "nothing is left running"


class _Parser(argparse.ArgumentParser):
    """A parser that raises CommandError in place of printing a usage text."""

    def error(self, message: str) -> NoReturn:
        """Raise CommandError with the message of argparse."""
        raise CommandError(f"{message}; `make help` explains DROP, KEEP and PORT")


def parse() -> Options:
    """Parse the arguments of the process. Raise CommandError for wrong ones."""
    parser = _Parser(prog="make demo", description=__doc__)
    parser.add_argument("--drop", type=Path, help="a file or folder to drop in place of the samples")
    parser.add_argument("--keep", action="store_true", help="leave the embedded AWS running afterwards")
    parser.add_argument("--port", type=_port, help=f"port to listen on (default: {DEFAULT_PORT}, or a free one)")
    parser.add_argument("--stop", action="store_true", help="stop the one that --keep left running")
    return Options(**vars(parser.parse_args()))


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: it is a number from 1 to 65535, such as PORT=4567")
    return int(text)


def run(options: Options, console: Console) -> int:
    """Drop files into the embedded AWS, which is started unless one is kept running; return the exit status."""
    drops = plan_drops([options.drop or _make_samples()], to="auto")
    if not drops:
        raise CommandError(f"{options.drop} contains no files; set DROP to a file or to a folder with files")
    target = _find_kept()
    if target:
        console.print(_describe_kept(target, options.port), highlight=False, soft_wrap=True)
        return _process(console, target, drops, expect_samples=options.drop is None)
    aws = _start(options, console)
    keep = False
    try:
        target = _deploy(aws, console)
        status = _process(console, target, drops, expect_samples=options.drop is None)
        keep = options.keep
    finally:
        if not keep:
            aws.stop()
    if keep:
        target.save()
        _explain_use(console, target)
    return status


def stop(console: Console) -> int:
    """End the embedded AWS that `KEEP=1` left running; return 0, also if there is none."""
    try:
        EmbeddedAws.attach(WORKDIR).stop()
        console.print("Stopped.")
    except NotRunningError:
        console.print("Nothing was running.")
    STACK_FILE.unlink(missing_ok=True)
    return 0


def _make_samples() -> Path:
    samples.write_samples(SAMPLES)
    return SAMPLES


def _find_kept() -> Target | None:
    """Return the target of the embedded AWS that an earlier `KEEP=1` left running; None if there is none."""
    try:
        aws = EmbeddedAws.attach(WORKDIR)
    except NotRunningError:
        STACK_FILE.unlink(missing_ok=True)
        return None
    if STACK_FILE.exists():
        return Target.load()
    aws.stop()  # a run was killed before it was done; a run that is under way holds the lock
    return None


def _describe_kept(target: Target, port: int | None) -> str:
    ignored = f" PORT={port} is not used." if port and not str(target.endpoint).endswith(f":{port}") else ""
    return f"Dropping into the embedded AWS that is up at {target.endpoint}; `make stop` ends it.{ignored}"


@contextmanager
def _lock() -> Iterator[None]:
    """Keep other runs out of this folder; the lock is released with the process, however that ends."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedAwsError("another `make demo` is running in this folder; wait for it, or end it") from None
        yield


def _start(options: Options, console: Console) -> EmbeddedAws:
    started = time.monotonic()
    with console.status("starting the embedded AWS"):
        try:
            aws = EmbeddedAws(WORKDIR, options.port or DEFAULT_PORT, detached=options.keep, warm=True).start()
        except PortTakenError:
            if options.port:
                raise
            aws = EmbeddedAws(WORKDIR, None, detached=options.keep, warm=True).start()
    _report_done(console, f"embedded AWS at {aws.endpoint}, IAM enforced", started)
    return aws


def _deploy(aws: EmbeddedAws, console: Console) -> Target:
    started = time.monotonic()
    with console.status("template.yaml: sam build") as status:
        stack: Stack = deploy(aws, lambda step: status.update(f"template.yaml: {step}"))
    _report_done(console, "template.yaml built and deployed, seed models uploaded", started)
    return Target(
        region=aws.region,
        landing=stack.landing,
        work=stack.work,
        results=stack.results,
        models=stack.models,
        archive=stack.archive,
        table=stack.table,
        endpoint=aws.endpoint,
        access_key=aws.settings()["AWS_ACCESS_KEY_ID"],
    )


def _report_done(console: Console, text: str, started: float) -> None:
    console.print(f"[green]✔[/] {text} [dim]({time.monotonic() - started:.0f} s)[/]", highlight=False)


def _process(console: Console, target: Target, drops: list[Drop], expect_samples: bool) -> int:
    """Drop the files, watch them, download and summarize their results; return the exit status."""
    s3 = target.client("s3")
    late = [drop for drop in drops if expect_samples and drop.key == samples.PROTEINS]
    uploads = _drop(console, target, [drop for drop in drops if drop not in late])
    if late:
        _promote(console, target, uploads)
        uploads += _drop(console, target, late)
        # The samples are made up, so a stack that is kept should not predict real proteins with that model.
        push_seed(s3, target.models, "structure")
    _print_outcomes(console, [_describe_outcome(s3, target, upload) for upload in uploads])
    for sentence in explain_waiting(uploads):
        console.print(f"! {sentence}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"Results: [bold]{RESULTS}/<landing key>/[/]  report.html opens in a browser, predictions.parquet and .jsonl "
        "open in pandas, calls.bed, calls.gff3 and track.*.bw in IGV or the UCSC browser; summary.json says how good "
        "they are; reason.json says why a file was rejected, and receipt.json proves that the raw file is archived.",
        highlight=False,
        soft_wrap=True,
    )
    return _status(uploads, expect_samples)


def _promote(console: Console, target: Target, uploads: list[Progress]) -> None:
    """Make the model that the samples' training registered the current one, as a person would."""
    job = next(upload for upload in uploads if upload.key == samples.JOB_KEY)
    if job.state != "ARCHIVED":
        return  # the outcome of the files says why there is no model
    place = keys.training_result(job.upload_id, "summary.json")
    summary = json.loads(target.client("s3").get_object(Bucket=target.results, Key=place)["Body"].read())
    console.print(
        f"\nThe training registered a candidate. A person decides whether it becomes the current model:\n"
        f"  {summary['promote']}",
        highlight=False,
        soft_wrap=True,
    )
    apply_change(target, propose_version(target, summary["model"], summary["version"]), yes=True, force=False)


def _drop(console: Console, target: Target, drops: list[Drop]) -> list[Progress]:
    """Drop files and watch them until they are finished; return their progress in order."""
    s3 = target.client("s3")
    versions = [upload_file(s3, target.landing, drop) for drop in drops]
    count = "1 file" if len(versions) == 1 else f"{len(versions)} files"
    console.print(f"[green]✔[/] {count} dropped into s3://{target.landing}\n", highlight=False)
    return watch(target.ledger(), versions, console)


def _status(uploads: list[Progress], expect_samples: bool) -> int:
    """Return the exit status: 0 if every upload reached its expected state, else 1.

    Of the samples, only the broken file must be rejected. Of a user's own files, none may be FAILED.
    """
    if not expect_samples:
        return 1 if any(upload.state == "FAILED" for upload in uploads) else 0
    expected = ["REJECTED" if "S2_" in upload.key else "ARCHIVED" for upload in uploads]
    return 0 if [upload.state for upload in uploads] == expected else 1


def _describe_outcome(s3: S3Client, target: Target, upload: Progress) -> tuple[str, str, str, str]:
    """Download the results of an upload; return its key, its state, what was found, and how it is archived."""
    files = fetch_results(target, upload, RESULTS)
    outcome = _describe_results(upload, files)
    if read_json(files, "report.json").get("mate", {}).get("checked"):
        outcome += "; pair checked"
    return upload.key, upload.state, outcome, _describe_archive(s3, target, read_json(files, "receipt.json"))


def _describe_results(upload: Progress, files: list[Path]) -> str:
    summary, reason = read_json(files, "summary.json"), read_json(files, "reason.json")
    if "version" in summary:
        return _describe_training(summary)
    if reason:
        place = f": record {reason['record']}, line {reason['line']}" if reason["record"] else ""
        return f"{reason['code']}{place}"
    if "counts" in summary:
        return _describe_counts(summary["counts"], summary.get("structure") or {})
    return "validated" if upload.state == "ARCHIVED" else upload.detail


def _describe_training(summary: dict[str, Any]) -> str:
    """Return which model was trained, its quality (Q3), and whether it was registered as a candidate."""
    state = "now the current model" if summary["current"] else "registered as a candidate"
    return f"trained {summary['model']} {summary['version']}: Q3 {summary['card']['figure']:.2f}, {state}"


def _describe_counts(counts: dict[str, Any], structure: dict[str, Any]) -> str:
    if "proteins" in counts:
        states = structure.get("composition", {}).items()
        shares = ", ".join(f"{share:.0%} {state}" for state, share in states)
        return f"{counts['proteins']:,} proteins, {counts['residues']:,} residues{': ' * bool(shares)}{shares}"
    left_out = sum(counts["not_scored"].values())
    calls = f", {counts['calls']:,} called" if "calls" in counts else ""
    return f"{counts['windows']:,} windows{calls}" + (f", {left_out:,} not scored" if left_out else "")


def _describe_archive(s3: S3Client, target: Target, receipt: dict[str, Any]) -> str:
    """Return the storage class that S3 reports for the copy, and whether its checksum is that of the receipt."""
    if not receipt:
        return "left in the landing bucket"
    head = s3.head_object(Bucket=target.archive, Key=receipt["archive"]["key"], ChecksumMode="ENABLED")
    is_same = base64.b64decode(head["ChecksumSHA256"]).hex() == receipt["landing"]["sha256"]
    return f"{head['StorageClass']}, checksum {'verified' if is_same else 'DIFFERS'}"


def _print_outcomes(console: Console, rows: list[tuple[str, str, str, str]]) -> None:
    """Print a table on a terminal, else a tab-separated line for each file: key, state, what was found, raw data."""
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table(title="Outcome of each file", title_justify="left", box=ROUNDED)
    for name in ("file", "state", "found", "raw data"):
        table.add_column(name, no_wrap=name == "state")
    for key, state, outcome, archive in rows:
        colour = {"ARCHIVED": "green", "WAITING": "yellow"}.get(state, "red")
        table.add_row(Key(key), Text(state, colour), Text(outcome), archive)
    console.print(table)


def _explain_use(console: Console, target: Target) -> None:
    """Print how to use the embedded AWS that is left running; each line can be copied whole."""
    console.print(f"\n[bold]The embedded AWS is up at {target.endpoint}[/]", highlight=False)
    for line in (
        ".venv/bin/seqdrop drop FILE --to auto --watch   # drop more",
        ".venv/bin/seqdrop status              # the state of every upload",
        f"export AWS_ENDPOINT_URL={target.endpoint} AWS_DEFAULT_REGION={target.region} "
        f"AWS_ACCESS_KEY_ID={target.access_key} AWS_SECRET_ACCESS_KEY={target.access_key}",
        f"aws s3 ls s3://{target.results} --recursive   # with the AWS CLI, if it is installed",
        f"make stop                             # end it; {STACK_FILE} has the names of its parts",
    ):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    raise SystemExit(main())
