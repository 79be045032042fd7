"""The features of uploads, read from the feature groups of a stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.feature_store import is_missing_group, read_record
from seqdrop.features.definitions import GROUPS
from seqdrop.stages.restore.selection import select

from seqdrop_cli.console import note, say
from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from seqdrop.features.definitions import Group
    from seqdrop.ledger.records import Upload

    from seqdrop_cli.commands.features import Options
    from seqdrop_cli.target import Target

OFF = (
    "the stack {stack} has no feature groups; deploy it with the parameter Features=true (docs/features.md), then run "
    "`seqdrop catalogue backfill` for the files that it has already"
)
NONE_YET = (
    "There are no features of {count}. They are written with the report of a file, and with its predictions: see its "
    "state with `seqdrop status`. Files from before the stack had feature groups need `seqdrop catalogue backfill`."
)


def show_features(target: Target, options: Options) -> int:
    """Print the features of the uploads that `options.what` names; return 1 if there are none."""
    uploads = _select(target, options.what)
    chosen = uploads if options.all else uploads[:1]
    groups = [group for group in GROUPS if options.group in (None, group.name)]
    shown = sum(_show_upload(target, upload, groups, options.json) for upload in chosen)
    if len(chosen) < len(uploads):
        note(f"{options.what} names {len(uploads)} uploads; this is the newest. --all shows all of them.")
    if not shown:
        note(NONE_YET.format(count=f"upload {chosen[0].id}" if len(chosen) == 1 else f"{len(chosen)} uploads"))
    return 0 if shown else 1


def _select(target: Target, what: str) -> list[Upload]:
    """Return the uploads that a text names, newest first; raise CommandError if there are none."""
    uploads = select(target.services(), what).uploads
    if not uploads:
        raise CommandError(f"{what} names no upload of the stack {target.stack}; `seqdrop status` lists them")
    return sorted(uploads, key=lambda upload: (upload.created_at, upload.key), reverse=True)


def _show_upload(target: Target, upload: Upload, groups: list[Group], as_json: bool) -> int:
    """Print the records of an upload; return their number."""
    records = [(group, record) for group in groups if (record := _read(target, group, upload))]
    for group, record in records:
        if as_json:
            say(json.dumps({"group": group.name} | _typed(group, record), ensure_ascii=False))
        else:
            _print_record(group, record)
    return len(records)


def _read(target: Target, group: Group, upload: Upload) -> dict[str, str] | None:
    try:
        return read_record(target.client("sagemaker-featurestore-runtime"), group.full_name(target.stack), upload.id)
    except ClientError as error:
        if is_missing_group(error):
            raise CommandError(OFF.format(stack=target.stack)) from error
        raise


def _print_record(group: Group, record: dict[str, str]) -> None:
    width = max(map(len, record))
    say(f"{group.title} ({group.name})")
    for name, value in record.items():
        say(f"  {name:{width}}  {value}")


def _typed(group: Group, record: dict[str, str]) -> dict[str, str | int | float]:
    """Return a record with numbers in place of texts. Features of a later version of Seqdrop stay texts."""
    types = {feature.name: feature.type for feature in group.features}
    readers = {"Integral": int, "Fractional": float, "String": str}
    return {name: readers[types.get(name, "String")](value) for name, value in record.items()}
