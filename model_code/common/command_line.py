"""Arguments of a training script as dataclasses, one field per argument, read by transformers' HfArgumentParser.

A training job passes each hyperparameter as `--name value`, always as text. Booleans are true or false in any case.
Names may be written with "_" or with "-".
"""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import HfArgumentParser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def describe(help: str, **options: object) -> dict[str, object]:
    """Return the metadata of a field: its line in --help, and further options of argparse, such as `choices`."""
    return {"help": help, **options}


def make_parser(
    groups: Sequence[type],
    doc: str,
    defaults: Mapping[str, str | None],
    parser_class: type[HfArgumentParser] = HfArgumentParser,
) -> HfArgumentParser:
    """Return a parser for dataclasses. Each class is a group in --help.

    `defaults` has texts that replace defaults of fields, such as the folders that the container's environment names.
    """
    parser = parser_class(groups, description=doc, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.set_defaults(**{name: text for name, text in defaults.items() if text})
    return parser


def read_values(parser: HfArgumentParser, argv: Sequence[str] | None) -> dict[str, Any]:
    """Return the values of all fields by name. Call `parser.error` for an unknown argument or an invalid value."""
    *groups, unknown = parser.parse_args_into_dataclasses(argv, return_remaining_strings=True, look_for_args_file=False)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    values = {item.name: getattr(group, item.name) for group in groups for item in fields(group)}
    for name, value in values.items():
        if isinstance(value, Path) and value.parts[:1] == ("s3:",):
            parser.error(f"argument --{name}: {value} is in S3; it must be a folder of this machine")
    return values
