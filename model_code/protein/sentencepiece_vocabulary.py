"""The pieces of a sentencepiece model, in the order of their ids.

Only their order is wanted: one residue is one piece, so nothing is to be segmented, and the library (which not every
container has) is not needed. `spiece.model` is a protobuf message whose field 1 repeats, a piece each, and the piece's
field 1 is its text; `tokenizer.json`, where a folder has that instead, lists [text, score] pairs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types."""


def of_folder(folder: Path) -> list[str]:
    """Of a checkpoint's spiece.model, or else its tokenizer.json. ValueError where it has neither."""
    if (folder / "spiece.model").is_file():
        return of_model((folder / "spiece.model").read_bytes())
    if (folder / "tokenizer.json").is_file():
        return [text for text, _ in json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]]
    raise ValueError("the checkpoint has neither spiece.model nor tokenizer.json, so what its ids mean is not known")


def of_model(message: bytes) -> list[str]:
    """Of the bytes of a spiece.model. ValueError where they are none."""
    try:
        return [_text(value) for number, value in fields(message) if number == 1 and isinstance(value, bytes)]
    except (IndexError, UnicodeDecodeError, StopIteration) as error:
        raise ValueError("spiece.model is no sentencepiece model") from error


def _text(piece: bytes) -> str:
    return next(value.decode() for number, value in fields(piece) if number == 1 and isinstance(value, bytes))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) in order; fixed-width values as their bytes. IndexError where the message is cut off."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        length, place = _varint(message, place) if kind == BYTES else (_width(kind), place)
        if place + length > len(message):
            raise IndexError(length)
        yield key >> 3, message[place : place + length]
        place += length


def _width(kind: int) -> int:
    if kind not in (FIXED64, FIXED32):
        raise IndexError(kind)
    return 8 if kind == FIXED64 else 4


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The number there, seven bits a byte, the lowest first; and the place after it."""
    value = shift = 0
    while True:
        byte = message[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place
