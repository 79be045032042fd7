"""The JSON Schema of receipts, which every receipt that a test writes or reads must fit."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from seqdrop.aws import keys

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


@cache
def validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = json.loads(files("seqdrop.archive").joinpath("receipt.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_receipt(content: object) -> None:
    """Raise AssertionError if a receipt does not fit its schema."""
    errors = sorted(f"{error.json_path}: {error.message}" for error in validator().iter_errors(content))
    assert not errors, f"a receipt does not fit its schema: {errors}"


def check_written(key: str, body: bytes) -> None:
    """Check an object that is written to a bucket, if it is a receipt."""
    if key.startswith(keys.RECEIPTS) and not key.startswith(keys.MANIFESTS):
        check_receipt(json.loads(body))
