"""A training script's arguments as dataclasses, a field each, read by transformers' HfArgumentParser.

A training job passes each hyperparameter as `--name value`, always as text; true and false in any case are booleans.
A name may be written with "_" or with "-".
"""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import HfArgumentParser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def describe(help: str, **more) -> dict:
    """Return the metadata of a field: its line in --help, and what else argparse is to know, such as `choices`."""
    return {"help": help, **more}


def make_parser(
    groups: Sequence[type],
    doc: str,
    defaults: Mapping[str, str | None],
    parser: type[HfArgumentParser] = HfArgumentParser,
) -> HfArgumentParser:
    """Return the parser for dataclasses, each of which is a group in --help.

    `defaults` are texts in place of the defaults of fields, such as the folders that the container names.
    """
    made = parser(groups, description=doc, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False)
    made.set_defaults(**{name: text for name, text in defaults.items() if text})
    return made


def read_values(parser: HfArgumentParser, argv: Sequence[str] | None) -> dict:
    """Return the values of all fields by name. Call `parser.error` for an unknown or unfit argument."""
    *groups, unknown = parser.parse_args_into_dataclasses(argv, return_remaining_strings=True, look_for_args_file=False)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    settings = {item.name: getattr(group, item.name) for group in groups for item in fields(group)}
    for name, value in settings.items():
        if isinstance(value, Path) and value.parts[:1] == ("s3:",):
            parser.error(f"argument --{name}: {value} is in S3; it must be a folder of this machine")
    return settings
