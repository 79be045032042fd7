"""Parse the names of uploads that are known to be mates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.companions.mates import MateName, parse

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload


def parse_mate(upload: Upload) -> MateName:
    """Return the parsed name of a mate. Raise ValueError if the key is not that of a mate."""
    name = parse(upload.key)
    if name is None:
        raise ValueError(f"the key of upload {upload.id} is not that of a mate")
    return name


def order_mates(upload: Upload, mate: Upload) -> tuple[Upload, Upload]:
    """Return the two uploads, mate 1 first."""
    return (upload, mate) if parse_mate(upload).number == 1 else (mate, upload)
