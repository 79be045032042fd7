"""A manifest: the list of the receipts of a day, linked to the manifest before it by its SHA-256 (docs/receipts.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence


class Entry(TypedDict):
    """A receipt or a tombstone: its key, the SHA-256 of its bytes (hexadecimal), and its version id if it has one.

    `again` is True if the object was written again, so that this entry replaces the earlier one of the same key.
    """

    upload: str
    key: str
    sha256: str
    version_id: str | None
    again: NotRequired[bool]


class Link(TypedDict):
    """A manifest, by its number, its key and the SHA-256 of its bytes."""

    manifest: int
    key: str
    sha256: str


class Manifest(TypedDict):
    """The content of a manifest. `manifest` is its number, from 1; the first has no previous one.

    `until` is the ledger's time up to which uploads were taken, and `count` the number of entries.
    """

    manifest: int
    date: str
    until: str
    previous: Link | None
    count: int
    entries: list[Entry]


class Statement(TypedDict):
    """A signed head: at the time `as_of`, `head` was the last manifest.

    `signature` (base64) is the ECDSA signature, with the KMS key `key`, of the SHA-256 of `message`.
    """

    head: Link
    as_of: str
    key: str
    algorithm: str
    message: str
    signature: str


def make_manifest(date: str, until: str, previous: Link | None, entries: Sequence[Entry]) -> Manifest:
    """Return the next manifest after `previous`; the first if that is None."""
    return {
        "manifest": previous["manifest"] + 1 if previous else 1,
        "date": date,
        "until": until,
        "previous": previous,
        "count": len(entries),
        "entries": list(entries),
    }


def signed_message(head: Link, as_of: str) -> str:
    """Return the text that is signed: one line for a program, and for a person who checks it by hand."""
    return f"seqdrop head {head['manifest']} {head['key']} {head['sha256']} {as_of}\n"


def parse_manifest(body: bytes) -> Manifest | None:
    """Return the manifest in an object; None if the bytes are no manifest."""
    try:
        content = json.loads(body)
        previous = content["previous"]
        if previous is not None:
            _check_texts(previous["key"], previous["sha256"])
            int(previous["manifest"])
        for entry in content["entries"]:
            _check_texts(entry["key"], entry["sha256"])
        int(content["manifest"])
        _check_texts(content["until"], content["date"])
    except (ValueError, KeyError, TypeError):
        return None
    manifest: Manifest = content
    return manifest


def _check_texts(*values: object) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("a manifest has a number where a text should be")
