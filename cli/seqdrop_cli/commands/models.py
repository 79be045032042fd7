"""`seqdrop models`: show or change the current model of an analysis, and list the models that were trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command, StackOptions, add_stack
from seqdrop_cli.console import say
from seqdrop_cli.model_arguments import PackagingOptions, add_packaging, build_package
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

MODEL_HELP = "name of the model in analyses.toml, such as promoter-300"
PUSH_TEXT = """\
Check a checkpoint, test it with a few sequences, pack and upload it, and make it the current model of the name MODEL.
Jobs that start afterwards use it. To predict earlier uploads with it, use `seqdrop replay`.
"""
PUSH_EXAMPLES = (
    Example("seqdrop models push promoter-300 my-dnabert/ --stack seqdrop", "a Hugging Face folder"),
    Example("seqdrop models push promoter-300 model.tar.gz", "an archive that `seqdrop package-model` wrote"),
    Example('seqdrop models push promoter-300 my-dnabert/ --labels "not promoter" promoter', "name its classes"),
)
SHOW_TEXT = """\
Print the address, the SHA-256 and the classes of a model's current archive.
"""
SHOW_EXAMPLES = (Example("seqdrop models show promoter-300 --stack seqdrop", "which archive jobs use"),)
LIST_TEXT = """\
List the versions of a model that trainings have registered, the newest first: version, task, figure on the test split,
whether it is the current model or a candidate, and the verdict of the gate.
"""
LIST_EXAMPLES = (
    Example("seqdrop models list structure --stack seqdrop", "candidates, and what the gate said of them"),
)
HISTORY_TEXT = """\
List the archives that were the current one of a model, the present one first: since when, version or SHA-256, figure,
and who made it the current one.
"""
HISTORY_EXAMPLES = (Example("seqdrop models history structure --stack seqdrop", "who changed the model, and when"),)
VERSION = "structure 2026-11-30-demo-sfxa7y57-1"
PROMOTE_TEXT = """\
Compare a version that a training has registered with the current model, and make it the current one. Jobs that start
afterwards use it. The gate does not decide here: you do.

Without --yes, the command only shows the comparison. It refuses a version with another task or other classes than the
current model, or with which an analysis of this checkout's analyses.toml could not work, unless you add --force.
"""
PROMOTE_EXAMPLES = (
    Example(f"seqdrop models promote {VERSION} --stack seqdrop", "compare it with the current model"),
    Example(f"seqdrop models promote {VERSION} --stack seqdrop --yes", "make it the current one"),
)
USE_TEXT = """\
The same as `seqdrop models promote MODEL VERSION --yes`, under the name that it had in earlier versions of Seqdrop.
"""
USE_EXAMPLES = (Example(f"seqdrop models use {VERSION}", "a version that a training has registered"),)
ROLLBACK_TEXT = """\
Make the previous model the current one again, or with --to another earlier one. Jobs that start afterwards use it. The
model that was current stays in the history, so that a second rollback returns to it.

Without --yes, the command only shows the comparison.
"""
ROLLBACK_EXAMPLES = (
    Example("seqdrop models rollback structure --stack seqdrop --yes", "undo the last change"),
    Example("seqdrop models rollback structure --to 0123456789abcdef --yes", "an archive that `history` shows"),
)


@dataclass(frozen=True)
class PushOptions(StackOptions, PackagingOptions):
    """Arguments of `seqdrop models push`."""

    model: str


@dataclass(frozen=True)
class ShowOptions(StackOptions):
    """Arguments of `seqdrop models show`."""

    model: str


@dataclass(frozen=True)
class UseOptions(StackOptions):
    """Arguments of `seqdrop models use`."""

    model: str
    version: str
    force: bool


@dataclass(frozen=True)
class PromoteOptions(UseOptions):
    """Arguments of `seqdrop models promote`."""

    yes: bool


@dataclass(frozen=True)
class RollbackOptions(StackOptions):
    """Arguments of `seqdrop models rollback`."""

    model: str
    to: str | None
    force: bool
    yes: bool


def add_push_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models push`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_packaging(parser)
    add_stack(parser)


def add_show_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models show`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_stack(parser)


def add_use_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models use`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("version", metavar="VERSION", help="name of the version, as `seqdrop models list` shows it")
    _add_force(parser)
    add_stack(parser)


def add_promote_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models promote`."""
    _add_yes(parser)
    add_use_arguments(parser)


def add_rollback_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop models rollback`."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--to",
        metavar="VERSION|SHA256",
        help="the earlier model: its version, or the first 8 or more digits of its archive's SHA-256 (default: the "
        "previous one)",
    )
    _add_force(parser)
    _add_yes(parser)
    add_stack(parser)


def _add_force(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="do it even if later jobs would be refused")


def _add_yes(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it (default: only show what would be done)")


def push(options: PushOptions) -> int:
    """Upload the model and make it the current one; return 0."""
    from seqdrop.models.archives import push_archive
    from seqdrop.runtime.services import now

    from seqdrop_cli.model_versions import find_caller
    from seqdrop_cli.target import find_target

    target = find_target(options)
    body = build_package(options)
    archive = push_archive(target.client("s3"), target.models, options.model, body, now(), find_caller(target))
    say(f"{options.model} is now s3://{target.models}/{archive.key}")
    return 0


def show(options: ShowOptions) -> int:
    """Print the current archive of a model; return 0."""
    from seqdrop.models.archives import current_archive

    from seqdrop_cli.target import find_target

    target = find_target(options)
    archive = current_archive(target.client("s3"), target.models, options.model)
    classes = ", ".join(archive.labels) or "not named"
    say(f"s3://{target.models}/{archive.key}  sha256 {archive.digest}  classes: {classes}")
    return 0


def list_versions(options: ShowOptions) -> int:
    """Print the registered versions of a model; return 0."""
    from seqdrop_cli.console import print_table
    from seqdrop_cli.model_versions import version_rows
    from seqdrop_cli.target import find_target

    print_table(("version", "task", "figure", "state", "gate"), version_rows(find_target(options), options.model))
    return 0


def show_history(options: ShowOptions) -> int:
    """Print the archives that were the current one; return 0."""
    from seqdrop_cli.console import print_table
    from seqdrop_cli.model_versions import history_rows
    from seqdrop_cli.target import find_target

    print_table(("since", "archive", "figure", "by"), history_rows(find_target(options), options.model))
    return 0


def promote(options: PromoteOptions) -> int:
    """Compare a registered version with the current model; with `yes`, make it the current one. Return 0."""
    return _promote(options, options.yes)


def use(options: UseOptions) -> int:
    """Make a registered version the current one; return 0."""
    return _promote(options, yes=True)


def _promote(options: UseOptions, yes: bool) -> int:
    from seqdrop_cli.model_versions import apply_change, propose_version
    from seqdrop_cli.target import find_target

    target = find_target(options)
    change = propose_version(target, options.model, options.version)
    return apply_change(target, change, yes=yes, force=options.force)


def rollback(options: RollbackOptions) -> int:
    """Compare an earlier model with the current one; with `yes`, make it the current one again. Return 0."""
    from seqdrop_cli.model_versions import apply_change, propose_earlier
    from seqdrop_cli.target import find_target

    target = find_target(options)
    change = propose_earlier(target, options.model, options.to)
    return apply_change(target, change, yes=options.yes, force=options.force)


VERBS = {
    "push": Command(PushOptions, add_push_arguments, push, PUSH_TEXT, PUSH_EXAMPLES),
    "show": Command(ShowOptions, add_show_arguments, show, SHOW_TEXT, SHOW_EXAMPLES),
    "list": Command(ShowOptions, add_show_arguments, list_versions, LIST_TEXT, LIST_EXAMPLES),
    "history": Command(ShowOptions, add_show_arguments, show_history, HISTORY_TEXT, HISTORY_EXAMPLES),
    "promote": Command(PromoteOptions, add_promote_arguments, promote, PROMOTE_TEXT, PROMOTE_EXAMPLES),
    "rollback": Command(RollbackOptions, add_rollback_arguments, rollback, ROLLBACK_TEXT, ROLLBACK_EXAMPLES),
    "use": Command(UseOptions, add_use_arguments, use, USE_TEXT, USE_EXAMPLES),
}
