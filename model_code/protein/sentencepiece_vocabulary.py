"""The pieces of a sentencepiece model, in the order of their ids.

Only the order is needed: each residue is one piece, so nothing has to be segmented, and the sentencepiece library
(which some containers lack) is not required. `spiece.model` is a protobuf message. Its repeated field 1 contains the
pieces, and field 1 of a piece is its text. A folder may have `tokenizer.json` instead, which lists [text, score] pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.checkpoints import TOKENIZER, read_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of protobuf."""


def read_folder(folder: Path) -> list[str]:
    """Return the pieces of a checkpoint's spiece.model or, without one, its tokenizer.json.

    Raise ValueError if it has neither, or if the file is not valid.
    """
    if (folder / "spiece.model").is_file():
        return parse_model((folder / "spiece.model").read_bytes())
    if (folder / TOKENIZER).is_file():
        kind, pieces = read_tokenizer(folder / TOKENIZER)
        if not isinstance(pieces, list):
            raise ValueError(f"{TOKENIZER} is a {kind} vocabulary; ProtT5 needs the Unigram of sentencepiece")
        return [text for text, _ in pieces]
    raise ValueError("the checkpoint has neither spiece.model nor tokenizer.json, so its token ids are unknown")


def parse_model(message: bytes) -> list[str]:
    """Return the pieces of the bytes of a spiece.model. Raise ValueError if they are not a sentencepiece model."""
    try:
        return [_text(value) for number, value in fields(message) if number == 1 and isinstance(value, bytes)]
    except (IndexError, UnicodeDecodeError, StopIteration) as error:
        raise ValueError("spiece.model is not a sentencepiece model") from error


def _text(piece: bytes) -> str:
    return next(value.decode() for number, value in fields(piece) if number == 1 and isinstance(value, bytes))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) in order; fixed-width values as bytes. Raise IndexError for a truncated message."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        wire_type = key & 7
        if wire_type == VARINT:
            value, position = _read_varint(message, position)
            yield key >> 3, value
            continue
        if wire_type == BYTES:
            length, position = _read_varint(message, position)
        else:
            length = _fixed_width(wire_type)
        if position + length > len(message):
            raise IndexError(length)
        yield key >> 3, message[position : position + length]
        position += length


def _fixed_width(wire_type: int) -> int:
    if wire_type not in (FIXED64, FIXED32):
        raise IndexError(wire_type)
    return 8 if wire_type == FIXED64 else 4


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the varint at a position (seven bits per byte, the lowest first), and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        value, shift, position = value | (byte & 0x7F) << shift, shift + 7, position + 1
        if byte < 0x80:
            return value, position
