"""The run of the demo: a sequencer's folder, sent by `seqdrop upload`, kept until it is complete, and archived."""

from __future__ import annotations

import io
import shutil
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from rich.box import ROUNDED
from rich.table import Table
from seqdrop.aws import keys
from seqdrop.ledger.run_record import Run, run_id
from seqdrop_cli.main import main as run_command
from seqdrop_cli.target import STACK_FILE

from local.run_samples import NOVASEQ_X, write_novaseq_run

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from seqdrop_cli.target import Target

PATIENCE = 180  # seconds
ANALYSIS = "runs"


def show_run(console: Console, target: Target, folder: Path) -> bool:
    """Send a run folder, wait until it is archived, and show its samples. Return False if it was not archived in time.

    A stack that is kept has the run already; nothing is sent again then.
    """
    shutil.rmtree(folder, ignore_errors=True)
    path = write_novaseq_run(folder)
    console.print(f"\nA run folder of a sequencer:\n  seqdrop upload {path}", highlight=False, soft_wrap=True)
    if _upload(target, path, folder / "uploads.sqlite3") != 0:
        return False
    with console.status("the run is compared with its checksum lists, and archived"):
        run = _wait(target)
    if run is None or run.state != "ARCHIVED":
        console.print(f"The run is {run.state if run else 'unknown'} after {PATIENCE} s: {run.cause if run else ''}")
        return False
    _print_samples(console, target, run)
    return True


def _upload(target: Target, run: Path, state: Path) -> int:
    """Run `seqdrop upload` for this stack, which need not be kept, without the ids of files; return its status."""
    is_kept = STACK_FILE.exists()
    target.save()
    try:
        with redirect_stdout(io.StringIO()):
            return run_command(["upload", str(run), "--state", str(state)])
    finally:
        if not is_kept:
            STACK_FILE.unlink()


def _wait(target: Target) -> Run | None:
    """Return the record of the run when it is archived, or as it is after PATIENCE seconds."""
    ledger, run = target.ledger(), None
    for _ in range(PATIENCE):
        run = ledger.find_run(run_id(target.landing, f"runs/{NOVASEQ_X}/"))
        if run and run.state == "ARCHIVED":
            break
        time.sleep(1)
    return run


def _print_samples(console: Console, target: Target, run: Run) -> None:
    body = target.client("s3").get_object(
        Bucket=target.results, Key=keys.run_result(ANALYSIS, run.name, "samples.tsv")
    )["Body"]
    title, *rows = [line.split("\t") for line in body.read().decode().splitlines()]
    heading = f"Samples of {run.name}: {run.instrument_name}, flow cell {run.flow_cell}, {run.files} files, {run.state}"
    if not console.is_terminal:
        console.print(heading, soft_wrap=True, highlight=False)
        for row in rows:
            print("\t".join(row))
        return
    table = Table(title=heading, title_justify="left", box=ROUNDED)
    for name in title:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    console.print(table)
