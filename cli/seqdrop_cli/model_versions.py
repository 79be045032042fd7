"""A change of the current model by a person: the comparison with the present one, objections, and the write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws import keys
from seqdrop.aws.s3 import exists
from seqdrop.errors import JobRefusedError
from seqdrop.kinds.plans import packaged
from seqdrop.models import pointers
from seqdrop.models.archives import archive_of
from seqdrop.models.promotion import compare_labels, find_refusals
from seqdrop.models.registry import Version, list_versions, read_card, target_of
from seqdrop.runtime.services import now

from seqdrop_cli.console import print_table, say
from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.models.pointers import Reading, Target
    from seqdrop.models.registry import Card

    from seqdrop_cli.target import Target as Stack

TITLES = ("", "new", "current")
UNKNOWN = "-"


@dataclass(frozen=True)
class Change:
    """A proposed change: the pointer of the model as it was read, and its new target."""

    model: str
    reading: Reading
    new: Target


def propose_version(stack: Stack, model: str, version: str) -> Change:
    """Return the change that makes a registered version current. Raise JobRefusedError if there is no such version."""
    s3, wanted = stack.client("s3"), Version(model, version)
    card = read_card(s3, stack.models, wanted)
    reading = pointers.load(s3, stack.models, keys.model_pointer(model))
    return Change(model, reading, target_of(wanted, card, find_caller(stack), now()))


def propose_earlier(stack: Stack, model: str, wanted: str | None) -> Change:
    """Return the change that makes an earlier current model current again: the last one before, or the `wanted` one.

    `wanted` is a version, or the beginning of an archive's SHA-256. Raise JobRefusedError if there is none.
    """
    s3 = stack.client("s3")
    reading = pointers.load(s3, stack.models, keys.model_pointer(model))
    history = reading.content["history"] if reading.content else []
    current = reading.current
    earlier = [target for target in history if current and target["digest"] != current["digest"]]
    if wanted:
        earlier = [target for target in earlier if _is_named(target, wanted)]
    if not earlier:
        named = f" {wanted!r}" if wanted else ""
        raise JobRefusedError(
            f"model {model!r} has no earlier archive{named}: `seqdrop models history {model}` shows those that it had"
        )
    return Change(model, reading, {**earlier[0], "since": now(), "by": find_caller(stack)})


def _is_named(target: Target, wanted: str) -> bool:
    return target.get("version") == wanted or (len(wanted) >= 8 and target["digest"].startswith(wanted.lower()))


def apply_change(stack: Stack, change: Change, *, yes: bool, force: bool) -> int:
    """Show a change and what speaks against it; with `yes`, make it. Return the exit status.

    Raise CommandError if something speaks against it and `force` is not set, PointerMovedError if another writer
    changed the pointer meanwhile.
    """
    if pointers.is_current(change.reading.content, change.new["digest"]):
        say(f"{change.model} is {describe(change.new)} already")
        return 0
    print_table(TITLES, list(_compare(change.new, change.reading.current)))
    objections = list(_find_objections(stack, change))
    for objection in objections:
        say(f"! {objection}")
    if objections and not force:
        raise CommandError(f"{change.model} was not changed; --force makes it {describe(change.new)} even so")
    if not yes:
        say("Nothing was changed yet; repeat the command with --yes to do it.")
        return 0
    pointers.move(stack.client("s3"), stack.models, change.reading, change.new)
    say(f"{change.model} is now {describe(change.new)}")
    return 0


def _find_objections(stack: Stack, change: Change) -> Iterator[str]:
    """Yield what jobs that start after the change would suffer from."""
    new, current = change.new, change.reading.current
    if not exists(stack.client("s3"), stack.models, new["key"]):
        yield f"its archive s3://{stack.models}/{new['key']} does not exist any more"
    if current and current.get("task") and new.get("task") and new["task"] != current["task"]:
        yield f"its task is {new['task']}, but that of the current model is {current['task']}"
    if current and (difference := compare_labels(_labels(new), _labels(current))):
        yield f"{difference}: results before and after the change have different classes"
    yield from find_refusals(archive_of(change.model, new), packaged().using(change.model))


def _compare(new: Target, current: Target | None) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the comparison: a property, and its value in the new and in the current model."""
    for title, describe_cell in CELLS.items():
        yield title, describe_cell(new), describe_cell(current) if current else "none"
    same = current and new.get("test_digest") and new.get("test_digest") == current.get("test_digest")
    yield "tested on", "the same records" if same else "other records, or not known", ""
    yield "gate", new.get("why") or UNKNOWN, (current.get("why") or UNKNOWN) if current else "none"


def describe(target: Target) -> str:
    """Return the version of a target, or the beginning of its digest if it was pushed."""
    return target.get("version") or target["digest"][:16]


def _labels(target: Target) -> tuple[str, ...]:
    return tuple(target.get("labels", ()))


def _describe_figure(target: Target) -> str:
    figure = target.get("figure")
    return UNKNOWN if figure is None else f"{figure:.4f}"


CELLS = {
    "version": describe,
    "task": lambda target: target.get("task") or UNKNOWN,
    "classes": lambda target: ", ".join(_labels(target)) or "not named",
    "figure": _describe_figure,
}


def version_rows(stack: Stack, model: str) -> list[tuple[str, ...]]:
    """Return a row for each registered version of a model, the newest first: its name, task, figure, gate, state."""
    s3 = stack.client("s3")
    current = pointers.load(s3, stack.models, keys.model_pointer(model)).current
    digest = current["digest"] if current else ""
    versions = list_versions(s3, stack.models, model)
    return [_version_row(version, read_card(s3, stack.models, version), digest) for version in versions]


def _version_row(version: Version, card: Card, current: str) -> tuple[str, ...]:
    figure, gate = card["figure"], card.get("gate")
    verdict = UNKNOWN if gate is None else ("passed: " if gate["passed"] else "not passed: ") + gate["why"]
    state = "current" if card["digest"] == current else "candidate"
    return version.version, card["task"], UNKNOWN if figure is None else f"{figure:.4f}", state, verdict


def history_rows(stack: Stack, model: str) -> list[tuple[str, ...]]:
    """Return a row for each archive that was the current one, the present one first.

    Raise JobRefusedError if the model never had one.
    """
    content = pointers.load(stack.client("s3"), stack.models, keys.model_pointer(model)).content
    if content is None:
        raise JobRefusedError(f"there is no model {model!r} yet: run `seqdrop models push` or `seqdrop models promote`")
    targets = [content["current"], *content["history"]]
    return [
        (target.get("since", UNKNOWN), describe(target), _describe_figure(target), target.get("by") or "not known")
        for target in targets
    ]


def find_caller(stack: Stack) -> str:
    """Return the ARN of the person or role that runs the command; "" if AWS does not say."""
    try:
        return stack.client("sts").get_caller_identity()["Arn"]
    except (ClientError, BotoCoreError):
        return ""  # the pointer's entry then lacks it; who may write it is a matter of IAM
