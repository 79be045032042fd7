"""An input object cut into the payloads that the container is sent, without ever holding all of it."""

import zlib
from collections.abc import Iterable, Iterator

GZIP = 31  # zlib's window bits for "gzip, any window"
MEBIBYTE = 1024 * 1024


class BadRecordError(Exception):
    """The data cannot be cut as the job asks for: a record over the limit, or a broken gzip stream."""


def payloads(chunks: Iterable[bytes], *, split: bool, single: bool, limit: int | None) -> Iterator[bytes]:
    """Payloads of at most `limit` bytes: the whole object, one line each, or as many lines as fit.

    Lines keep their newlines, so the payloads together are the object. An empty object has no payload.
    """
    if not split:
        return _whole(chunks, limit)
    records = lines(chunks, limit)
    return records if single else batches(records, limit)


def inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream, of all its members."""
    stream, pending = zlib.decompressobj(GZIP), b""
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                if stream.eof:
                    stream = zlib.decompressobj(GZIP)
                yield stream.decompress(pending, MEBIBYTE)
                pending = stream.unconsumed_tail or stream.unused_data
    except zlib.error as error:
        raise BadRecordError(f"the object is not gzip: {error}") from error
    if not stream.eof:
        raise BadRecordError("the gzip stream ends too early")


def lines(chunks: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    """Lines with their newlines; the last one may lack it. BadRecordError for one over the limit."""
    rest = bytearray()
    for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            yield _within(bytes(rest) + line + b"\n", limit)
            rest.clear()
        rest += tail
        _within(rest, limit)
    if rest:
        yield bytes(rest)


def batches(records: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    """Records joined until the next one would not fit."""
    held: list[bytes] = []
    size = 0
    for record in records:
        if held and limit is not None and size + len(record) > limit:
            yield b"".join(held)
            held, size = [], 0
        held.append(record)
        size += len(record)
    if held:
        yield b"".join(held)


def _whole(chunks: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        _within(content, limit)
    if content:
        yield bytes(content)


def _within(record, limit: int | None):
    if limit is not None and len(record) > limit:
        raise BadRecordError(f"a record is larger than MaxPayloadInMB ({limit // MEBIBYTE} MB)")
    return record
