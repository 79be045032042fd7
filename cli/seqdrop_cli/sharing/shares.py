"""Share files, and list what was shared."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws.errors import is_denied
from seqdrop.runtime.services import iso

from seqdrop_cli.console import format_size, note, print_table, say, show_status
from seqdrop_cli.errors import CommandError
from seqdrop_cli.search import require_uploads
from seqdrop_cli.sharing.files import collect
from seqdrop_cli.sharing.links import find_validity, format_time, sign, signing_client
from seqdrop_cli.sharing.page import download_name, render_share
from seqdrop_cli.sharing.records import Share, list_shares, make_id, write_page, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3.client import S3Client

    from seqdrop_cli.commands.share import Options
    from seqdrop_cli.sharing.files import Package, SharedFile
    from seqdrop_cli.sharing.links import Validity
    from seqdrop_cli.target import Target


def share(target: Target, options: Options) -> int:
    """Record a share, write its page, and print where it is; return 0. Raise CommandError if nothing can be shared."""
    what = _describe(options)
    validity = find_validity(target, options.days)
    with show_status("collecting files and checksums"):
        uploads = require_uploads(target, options.search)
        packages = collect(target, uploads, what, with_raw=not options.no_raw)
    if not any(package.files for package in packages):
        raise CommandError(f"{what} has nothing to share yet; `seqdrop status` shows the states")
    record = _make_record(target, options, what, validity, packages)
    s3 = target.client("s3")
    _record(s3, target.results, record)
    address, path = _publish(target, s3, record, validity, packages, options.to)
    _print(record, validity, packages, address, path, as_json=options.json)
    return 0


def _describe(options: Options) -> str:
    """Return how the files were named, so that a command with it names them again."""
    names = [*options.what, *filter(None, (options.run, options.sample))]
    return " ".join(names) if len(names) == 1 else str(options.search).replace("'", "")


def _make_record(target: Target, options: Options, what: str, validity: Validity, packages: Sequence[Package]) -> Share:
    files = [
        {
            "upload": package.upload,
            "key": package.key,
            "name": file.name,
            "size": file.size,
            "sha256": file.sha256,
            "address": f"s3://{file.place['Bucket']}/{file.place['Key']}",
            "version_id": file.place.get("VersionId", ""),
            "is_raw": file.is_raw,
        }
        for package in packages
        for file in package.files
    ]
    return Share(
        share=make_id(),
        by=_find_caller(target),
        at=iso(validity.since),
        until=iso(validity.until),
        days=options.days,
        what=what,
        recipient=options.recipient,
        limit=validity.limit,
        with_raw=not options.no_raw,
        files=files,
    )


def _find_caller(target: Target) -> str:
    """Return the ARN of the caller, which any credentials may ask for."""
    try:
        return target.client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"AWS does not say who you are, and a share is recorded with its author: {error}") from error


def _record(s3: S3Client, bucket: str, record: Share) -> None:
    try:
        write_record(s3, bucket, record)
    except ClientError as error:
        if not is_denied(error):
            raise
        raise CommandError(
            "nothing was shared: a share is recorded first, and your credentials may not write to shares/ of the "
            "results bucket; docs/who-may-drop.md has the policy for people who share"
        ) from error


def _publish(
    target: Target, s3: S3Client, record: Share, validity: Validity, packages: Sequence[Package], to: Path | None
) -> tuple[str, Path]:
    """Write the page to the results bucket and to a local file; return its link and the file."""
    signer = signing_client(target)
    names = {id(file): download_name(package, file) for package in packages for file in package.files}

    def link(file: SharedFile) -> str:
        return sign(signer, file.place, validity.seconds, names[id(file)])

    page = render_share(packages, _list_facts(record), link, _list_notes(validity, packages))
    path = to or Path(f"seqdrop-share-{record.share}.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    key = write_page(s3, target.results, record.share, page)
    return sign(signer, {"Bucket": target.results, "Key": key}, validity.seconds, path.name), path


def _list_facts(record: Share) -> dict[str, str]:
    return {
        "What": record.what,
        "For": record.recipient,
        "Shared by": record.by,
        "On": format_time(datetime.fromisoformat(record.at)),
        "Links work until": format_time(datetime.fromisoformat(record.until)),
        "Share": record.share,
    }


def _list_notes(validity: Validity, packages: Sequence[Package]) -> list[str]:
    notes = []
    if not validity.is_exact:
        notes.append("The links may end earlier than that: when the session of the person who made them ends.")
    until = iso(validity.until)
    if early := [file.until for package in packages for file in package.files if file.until and file.until < until]:
        first = format_time(datetime.fromisoformat(min(early)))
        notes.append(f"Some raw data are temporary copies from the archive, which expire from {first} on.")
    return notes


def _print(
    record: Share, validity: Validity, packages: Sequence[Package], address: str, path: Path, *, as_json: bool
) -> None:
    if as_json:
        say(json.dumps({**asdict(record), "page": str(path), "link": address}, ensure_ascii=False))
        return
    size = format_size(sum(file["size"] for file in record.files))
    say(f"{len(record.files)} files of {len(packages)} uploads, {size}: share {record.share}")
    say(f"links work until {format_time(validity.until)}")
    if validity.limit:
        say(f"  not for {record.days} days: {validity.limit}. Log in again right before sharing to gain time.")
    for sentence in _list_notes(validity, packages)[0 if validity.is_exact else 1 :]:
        say(f"  {sentence}")
    say(f"page  {path}")
    say(f"link  {address}")
    left_out = [package for package in packages if package.missing and record.with_raw]
    for package in left_out[:10]:
        note(f"raw data of {package.key} are not included: {package.missing}")
    if len(left_out) > 10:
        note(f"and {len(left_out) - 10} more")


def show_shares(target: Target, *, as_json: bool) -> int:
    """Print what was shared; return 0."""
    shares = list(list_shares(target.client("s3"), target.results))
    if as_json:
        for item in shares:
            say(json.dumps({**asdict(item), "is_over": item.is_over}, ensure_ascii=False))
        return 0
    print_table(("share", "at", "until", "what", "for", "files", "by"), [_row(item) for item in shares])
    if not shares:
        note("nothing was shared yet; `seqdrop share RUN` does it")
    return 0


def _row(item: Share) -> tuple[str, ...]:
    until = "over" if item.is_over else item.until[:16]
    return (item.share, item.at[:16], until, item.what, item.recipient, str(len(item.files)), item.by)
