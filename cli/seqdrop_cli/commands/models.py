"""The commands on models: package-model, predict, models push and models show."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from seqdrop.errors import InvalidFileError
from seqdrop.models.archives import current_archive, push_archive
from seqdrop.runtime.services import now

from seqdrop_cli import prediction as local
from seqdrop_cli import target as targets
from seqdrop_cli.deploy.archive import pack_model, unpack
from seqdrop_cli.deploy.checkpoint import read_checkpoint
from seqdrop_cli.deploy.model_package import digest, package
from seqdrop_cli.deploy.protein_checkpoint import is_protein, read_protein
from seqdrop_cli.interrupts import interrupts
from seqdrop_cli.prediction_settings import analysis_of, for_format, masks_of, protein_analysis, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis

INTERRUPTED = 130


def package_model(options, console: Console) -> int:
    body = _packaged(options, console)
    options.out.write_bytes(body)
    _say(console, f"{options.out}  {len(body):,} bytes  sha256 {digest(body)}")
    return 0


def push(options, console: Console) -> int:
    target = targets.find(options.stack)
    body = _packaged(options, console)
    archive = push_archive(target.client("s3"), target.results, options.model, body, now())
    _say(console, f"{options.model} is now s3://{target.results}/{archive.key}")
    return 0


def show(options, console: Console) -> int:
    target = targets.find(options.stack)
    archive = current_archive(target.client("s3"), target.results, options.model)
    classes = ", ".join(archive.labels) or "not named"
    _say(console, f"s3://{target.results}/{archive.key}  sha256 {archive.digest}  classes: {classes}")
    return 0


def predict(options, console: Console) -> int:
    is_archive = options.model.is_file()
    task = task_of(options)
    body = options.model.read_bytes() if is_archive else pack_model(options.model, options.code, task)
    with unpack(body) as folder:
        analysis = _analysis(options, folder, task)
    try:
        masks = masks_of(options, analysis)
        found = local.examine(options.file, analysis, masks)
    except InvalidFileError as error:
        return _refused(options, error, console)
    plan = local.Plan(options.model, body, for_format(analysis, found.format), options.out)
    with interrupts() as stopped, _bar(found.items) as shown:
        tally, files = local.predict(found, plan, shown, stopped)
    return _told(tally, found, files, console)


def _refused(options, error: InvalidFileError, console: Console) -> int:
    if error.fault.code.startswith("bed_"):
        _say(console, f"{options.masks} does not fit, so nothing is predicted:")
        for one in error.errors:
            _say(
                console, f"  line {one.line or '-'}: {one.code}: {one.message}" + (f" ({one.name})" if one.name else "")
            )
        return 1
    _say(console, f"{options.file} is not valid, so nothing is predicted: {error}")
    _say(console, f"`seqdrop validate {options.file}` says all that is wrong with it")
    return 1


def _analysis(options, folder: Path, task: str | None) -> Analysis:
    if is_protein(folder):
        return protein_analysis(options, read_protein(folder))
    return analysis_of(options, read_checkpoint(folder, task))


def _told(tally: local.Tally, found: local.Input, files: list[Path], console: Console) -> int:
    for path in files:
        _say(console, str(path))
    what = tally.kind.unit
    _say(console, f"{tally.windows:,} {what} in {tally.seconds:.1f} s, {tally.rate:,.0f} {what}/s")
    if tally.errors:
        _say(console, f"{tally.errors:,} of {found.items:,} work items were answered by an error; see the rows with it")
    if tally.complete:
        return 0
    _say(console, f"stopped after {tally.items:,} of {found.items:,} work items; the files hold what was done")
    return INTERRUPTED


def _packaged(options, console: Console) -> bytes:
    say = lambda text: _say(console, text)  # noqa: E731
    return package(options.source, options.task, tuple(options.labels), options.code, say)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def _bar(items: int) -> Iterator[Callable[[local.Tally], None]]:
    """A progress bar with windows/s, where someone looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda tally: None
        return
    columns = (TextColumn("predicting"), BarColumn(), TextColumn("{task.fields[rate]:,.0f} {task.fields[what]}/s"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=items, rate=0.0, what="")
        yield lambda tally: bar.update(task, completed=tally.items, rate=tally.rate, what=tally.kind.unit)
