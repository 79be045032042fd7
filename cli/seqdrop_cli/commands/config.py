"""`seqdrop config`: check analyses.toml or a job.toml, and print the JSON Schema of either."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqdrop_cli.command import Command
from seqdrop_cli.parsing import Example

if TYPE_CHECKING:
    from argparse import ArgumentParser

CHECK_TEXT = """\
Check an analyses.toml, or the job.toml of a training, by the rules of the pipeline, and print its settings. Without
FILE, check the analyses.toml of this checkout. Nothing is sent to AWS.

All errors of the file are printed together, each as FILE:LINE: message. Exit status: 0 valid, 1 invalid, 2 the file
cannot be read. `sam build` refuses an invalid analyses.toml with the same messages. docs/configuration.md shows invalid
files with their messages.
"""
CHECK_EXAMPLES = (
    Example("seqdrop config check", "the analyses.toml of this checkout"),
    Example("seqdrop config check my-set/job.toml", "the job.toml of a training, before you drop it"),
)
SCHEMA_TEXT = """\
Print the JSON Schema of analyses.toml or of job.toml (docs/schemas/ has both). With a schema, an editor that supports
taplo (such as VS Code with Even Better TOML) completes keys and checks values. Name the schema in the first line of the
file:

  #:schema ./docs/schemas/analyses.schema.json

The path is relative to the file. Keep the schema of a job.toml outside the folder of the data set, because all files of
that folder are dropped. After the second example below, the first line of my-set/job.toml is:

  #:schema ../job.schema.json
"""
SCHEMA_EXAMPLES = (
    Example("seqdrop config schema analyses > analyses.schema.json", "the schema of analyses.toml"),
    Example("seqdrop config schema job > job.schema.json", "the schema of job.toml"),
)
SCHEMAS = ("analyses", "job")


@dataclass(frozen=True)
class CheckOptions:
    """Arguments of `seqdrop config check`."""

    file: Path | None


@dataclass(frozen=True)
class SchemaOptions:
    """Arguments of `seqdrop config schema`."""

    file: str


def add_check_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop config check`."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the file (default: analyses.toml of this checkout)"
    )


def add_schema_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `seqdrop config schema`."""
    parser.add_argument("file", choices=SCHEMAS, help="the file whose schema is printed")


def check(options: CheckOptions) -> int:
    """Check the file; return 0 if it is valid, else 1."""
    from seqdrop_cli.config_check import check_file

    return check_file(options.file)


def print_schema(options: SchemaOptions) -> int:
    """Print the schema; return 0."""
    from seqdrop_cli.schemas import render_schema

    print(render_schema(options.file), end="")
    return 0


VERBS = {
    "check": Command(CheckOptions, add_check_arguments, check, CHECK_TEXT, CHECK_EXAMPLES),
    "schema": Command(SchemaOptions, add_schema_arguments, print_schema, SCHEMA_TEXT, SCHEMA_EXAMPLES),
}
