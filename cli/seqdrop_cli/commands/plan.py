"""`seqdrop plan`: what a training job would take, before anything is dropped.

Exit status: 0 the job may run, 1 it is refused (with what would do), 2 usage.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from seqdrop.errors import DistributionRefusedError, InvalidFileError, PlanRefusedError
from seqdrop.training.data.line_reader import Source
from seqdrop.training.data.prepare import prepare
from seqdrop.training.jobfile import JobFile, parse
from seqdrop.training.plan.instances import AS_OF, REGION, SOURCE
from seqdrop.training.plan.search import Plan, gib
from seqdrop.training.plan.sizing import size_training

if TYPE_CHECKING:
    from rich.console import Console
    from seqdrop.training.distribution.distribution import Distribution
    from seqdrop.training.distribution.profiles import Translation

HELP = """\
Say what a training job would take: bytes on each GPU, hours and dollars; and what became of each field of
[distribution]. Nothing is sent to AWS. The data beside job.toml is read and checked as it will be when it is dropped;
where it is not there, --residues says how many residues the training records have.

  seqdrop plan training/ss3/job.toml                     the plan, as the pipeline will make it
  seqdrop plan job.toml --residues 2500000 --instance ml.g6e.12xlarge   another machine
  seqdrop plan job.toml --residues 2500000 --any         the cheapest machine that will do

A refused job exits with 1 and says what would do. Hours are right within a factor of two; prices are those of
us-east-1 on the date that is printed, and --price replaces them.
"""


def show(options, console: Console) -> int:
    try:
        job = _asked(options)
        residues = options.residues or _residues(job, options.job.parent)
        sizing = size_training(job, residues, options.smp_image, options.price)
    except InvalidFileError as error:
        return _refused([one.message for one in error.errors], options.json)
    except (PlanRefusedError, DistributionRefusedError) as error:
        return _refused([getattr(error, "reason", str(error))], options.json, getattr(error, "advice", ()))
    if options.json:
        print(json.dumps({"refused": False} | sizing.as_dict(), indent=2))
    else:
        _print(sizing.plan, sizing.translations, residues, console)
    return 0


def _asked(options) -> JobFile:
    job = parse(options.job.read_bytes())
    wanted = "" if options.any else options.instance
    if options.price is not None and not (wanted or (job.instance.type and not options.any)):
        raise ValueError("--price is that of one type of instance: name it with --instance")
    return job if wanted is None else replace(job, instance=replace(job.instance, type=wanted))


def _residues(job: JobFile, folder: Path) -> int:
    """Of the training records in the files beside job.toml, which are checked on the way. Raises InvalidFileError."""
    absent = [name for name in job.data.files if not (folder / name).is_file()]
    if absent:
        raise ValueError(f"{folder / absent[0]} is not there; say with --residues how many its training records have")
    with ExitStack() as stack:
        files = {name: Source(name, stack.enter_context((folder / name).open("rb"))) for name in job.data.files}
        return prepare(job, files, Path(stack.enter_context(tempfile.TemporaryDirectory()))).residues


def _refused(reasons: list[str], as_json: bool, advice: tuple[str, ...] = ()) -> int:
    if as_json:
        print(json.dumps({"refused": True, "reasons": reasons, "advice": list(advice)}, indent=2))
        return 1
    print("refused:")
    for reason in reasons:
        print(f"  {reason}")
    if advice:
        print("what would do:")
    for one in advice:
        print(f"  {one}")
    return 1


def _print(found: Plan, translations: list[Translation], residues: int, console: Console) -> None:
    job, spread = found.job, found.distribution
    where = f"{spread.hosts} × {found.instance.name}" if spread.hosts > 1 else found.instance.name
    each = f"{found.processes} × {found.instance.gpu.name}" if found.instance.gpu else f"{found.processes} process(es)"
    _say(console, f"{job.shape.title} on {where} ({each}), profile {spread.profile}{_savers(spread)}")
    console.print(_memory(found))
    if found.host_needed:
        _say(console, f"and {gib(found.host_needed)} of each host's memory")
    _say(console, f"the chapter's rule, 20 bytes a parameter: {gib(found.chapter_bytes)}")
    _say(
        console,
        f"{residues:,} residues × {job.epochs} epochs at about {found.cost.tokens_per_second:,.0f} tokens/s: "
        f"{found.hours:,.1f} hours",
    )
    _say(console, _dollars(found))
    for text in ["what became of [distribution]:", *map(_translation, translations)] if translations else ():
        _say(console, text)


def _savers(spread: Distribution) -> str:
    given = {
        "activation checkpointing": spread.activation_checkpointing,
        "activation offloading": spread.activation_offloading,
        f"{spread.accumulate} passes to a step": spread.accumulate > 1,
    }
    return "".join(f", {name}" for name, holds in given.items() if holds)


def _dollars(found: Plan) -> str:
    price = f"${found.cost.price:,.2f} an hour on demand in {REGION} as of {AS_OF:%Y-%m-%d}; check at {SOURCE}"
    if found.job.spot:
        return f"${found.cost.dollars_low:,.2f} to ${found.dollars:,.2f} on spot ({price})"
    return f"${found.dollars:,.2f} ({price})"


def _memory(found: Plan) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, justify in (("on each GPU" if found.instance.gpus else "in each process", "left"), ("", "right")):
        table.add_column(name, justify=justify)
    table.add_column(f"peak {found.memory.moment}")
    for line in found.memory.lines:
        table.add_row(line.name, gib(line.bytes), line.what)
    table.add_section()
    table.add_row("in all", gib(found.memory.total), f"of {gib(found.room)}")
    return table


def _translation(one: Translation) -> str:
    """A line; of the field's place, what tells it from others."""
    name = one.field.rpartition("parameters.")[2]
    given = "" if one.value is None else f" = {json.dumps(one.value)}"
    return f"  {name}{given}  →  {one.becomes}: {one.why}"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True, markup=False)
