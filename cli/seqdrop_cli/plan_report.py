"""The plan of a training job, printed for people or as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.aws.prices import AS_OF, REGION, SOURCE
from seqdrop.errors import DistributionRefusedError, InvalidFileError, PlanRefusedError
from seqdrop.training.jobfile import JobFile, parse
from seqdrop.training.plan.search import Plan, gib
from seqdrop.training.plan.sizing import size_training

from seqdrop_cli.console import say
from seqdrop_cli.costs.trainings import count_residues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.training.distribution.distribution import Distribution
    from seqdrop.training.distribution.profiles import Translation

    from seqdrop_cli.commands.plan import Options


def show_plan(options: Options) -> int:
    """Print the plan; return 0 if the job may run, 1 if it is refused."""
    try:
        job = _read_job(options)
        residues = options.residues or count_residues(job, options.job.parent)
        sizing = size_training(job, residues, options.smp_image, options.price)
    except InvalidFileError as error:
        return _print_refusal([fault.message for fault in error.errors], (), options.json)
    except PlanRefusedError as error:
        return _print_refusal([error.reason], error.advice, options.json)
    except DistributionRefusedError as error:
        return _print_refusal([str(error)], (), options.json)
    if options.json:
        print(json.dumps({"refused": False} | sizing.as_dict(), indent=2))
    else:
        _print_plan(sizing.plan, sizing.translations, residues)
    return 0


def _read_job(options: Options) -> JobFile:
    """Return job.toml with its instance replaced by that of --instance or --any.

    Raise ValueError for a price without a type of instance.
    """
    job = parse(options.job.read_bytes())
    instance = job.instance.type if options.instance is None else options.instance
    if options.any:
        instance = ""
    if options.price is not None and not instance:
        raise ValueError("--price is for one type of instance; name the type with --instance")
    return replace(job, instance=replace(job.instance, type=instance))


def _print_refusal(reasons: Sequence[str], advice: Sequence[str], as_json: bool) -> int:
    if as_json:
        print(json.dumps({"refused": True, "reasons": list(reasons), "advice": list(advice)}, indent=2))
        return 1
    say("refused:")
    for reason in reasons:
        say(f"  {reason}")
    if advice:
        say("these changes would fit:")
    for change in advice:
        say(f"  {change}")
    return 1


def _print_plan(plan: Plan, translations: Sequence[Translation], residues: int) -> None:
    say(_describe_machine(plan))
    for line in _memory_lines(plan):
        say(line)
    if plan.host_needed:
        say(f"and {gib(plan.host_needed)} of each host's memory")
    say(f"for comparison, by the rule of 20 bytes a parameter: {gib(plan.chapter_bytes)}")
    rate = f"{plan.cost.tokens_per_second:,.0f} tokens/s"
    say(f"{residues:,} residues × {plan.job.epochs} epochs at about {rate}: {plan.hours:,.1f} hours")
    say(_describe_price(plan))
    if translations:
        say("translation of [distribution]:")
    for translation in translations:
        say(_describe_translation(translation))


def _describe_machine(plan: Plan) -> str:
    distribution, instance = plan.distribution, plan.instance
    machine = f"{distribution.hosts} × {instance.name}" if distribution.hosts > 1 else instance.name
    processes = f"{plan.processes} × {instance.gpu.name}" if instance.gpu else _count_processes(plan.processes)
    savers = _describe_savers(distribution)
    return f"{plan.job.shape.title} on {machine} ({processes}), profile {distribution.profile}{savers}"


def _count_processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _describe_savers(distribution: Distribution) -> str:
    """Return the measures that save memory and cost time, as the end of a line."""
    savers = {
        "activation checkpointing": distribution.activation_checkpointing,
        "activation offloading": distribution.activation_offloading,
        f"{distribution.accumulate} passes to a step": distribution.accumulate > 1,
    }
    return "".join(f", {name}" for name, is_used in savers.items() if is_used)


def _describe_price(plan: Plan) -> str:
    price = f"${plan.cost.price:,.2f} an hour on demand in {REGION} as of {AS_OF:%Y-%m-%d}; check at {SOURCE}"
    if plan.job.spot:
        return f"${plan.cost.dollars_low:,.2f} to ${plan.dollars:,.2f} on spot ({price})"
    return f"${plan.dollars:,.2f} ({price})"


def _memory_lines(plan: Plan) -> list[str]:
    """Return the table of memory: name, GiB and content of each part, in aligned columns."""
    title = "on each GPU" if plan.instance.gpus else "in each process"
    rows = [
        (title, "", f"peak {plan.memory.moment}"),
        *((line.name, gib(line.bytes), line.what) for line in plan.memory.lines),
        ("in all", gib(plan.memory.total), f"of {gib(plan.available)}"),
    ]
    name_width, size_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{name:<{name_width}}  {size:>{size_width}}  {content}".rstrip() for name, size, content in rows]


def _describe_translation(translation: Translation) -> str:
    """Return a line on one field, with the end of its name, which identifies it."""
    name = translation.field.rpartition("parameters.")[2]
    value = "" if translation.value is None else f" = {json.dumps(translation.value)}"
    return f"  {name}{value}  →  {translation.becomes}: {translation.why}"
