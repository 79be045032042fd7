"""Arguments about the source of a model, shared by `package-model`, `models push` and `predict`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser


@dataclass(frozen=True)
class PackagingOptions:
    """Arguments that name the source, the task and the classes of a model to pack."""

    source: str
    task: str | None
    labels: list[str]
    code: Path | None


def add_packaging(parser: ArgumentParser) -> None:
    """Add the arguments of `PackagingOptions`."""
    parser.add_argument(
        "source",
        metavar="DIR|HUB_ID",
        help="a Hugging Face folder, an id on the Hugging Face hub (owner/name), or a model.tar.gz",
    )
    add_task(parser)
    parser.add_argument(
        "--labels",
        nargs="+",
        default=[],
        metavar="NAME",
        help="names of the classes, class 0 first (default: the names in config.json)",
    )
    parser.add_argument(
        "--code",
        type=Path,
        metavar="DIR",
        help="folder with inference.py (default: the folder of model_code/ for this kind of model)",
    )


def add_task(parser: ArgumentParser) -> None:
    """Add --task, with the tasks of all kinds of analysis as choices."""
    from seqdrop.kinds.plans import KINDS

    tasks = list(dict.fromkeys(kind.task for kind in KINDS.values() if kind.task))
    text = "task of the model (default: promoter, or structure for a protein model)"
    parser.add_argument("--task", choices=tasks, help=text)


def build_package(options: PackagingOptions) -> bytes:
    """Check the model, test it, print the result, and return its archive. Raise UnsuitableModelError, HandlerError."""
    from seqdrop_cli.deploy.model_package import Packaging, package_model

    return package_model(options.source, Packaging(options.task, tuple(options.labels), options.code))
