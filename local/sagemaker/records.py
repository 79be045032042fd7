"""Division of an input object into the payloads that the container receives, as a stream."""

import zlib
from collections.abc import Iterable, Iterator, Sized

GZIP = 31  # zlib's window bits for "gzip, any window"
MEBIBYTE = 1024 * 1024


class BadRecordError(Exception):
    """The data cannot be divided as requested: a record is over the limit, or the gzip stream is broken."""


def payloads(chunks: Iterable[bytes], *, split: bool, single: bool, limit: int | None) -> Iterator[bytes]:
    """Yield payloads of at most `limit` bytes: the whole object, single lines, or as many lines as fit.

    Lines keep their newlines, so the payloads together are the object. An empty object has no payload.
    Raise BadRecordError if a record is over the limit.
    """
    if not split:
        return _whole(chunks, limit)
    records = lines(chunks, limit)
    return records if single else batches(records, limit)


def inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of all members of a gzip stream; raise BadRecordError if the stream is broken."""
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
    """Yield lines with their newlines, which the last line may lack; raise BadRecordError for one over the limit."""
    rest = bytearray()
    for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            record = bytes(rest) + line + b"\n"
            _check_size(record, limit)
            yield record
            rest.clear()
        rest += tail
        _check_size(rest, limit)
    if rest:
        yield bytes(rest)


def batches(records: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    """Yield joined records, each time as many as fit."""
    batch: list[bytes] = []
    size = 0
    for record in records:
        if batch and limit is not None and size + len(record) > limit:
            yield b"".join(batch)
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield b"".join(batch)


def _whole(chunks: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        _check_size(content, limit)
    if content:
        yield bytes(content)


def _check_size(record: Sized, limit: int | None) -> None:
    if limit is not None and len(record) > limit:
        raise BadRecordError(f"a record is larger than MaxPayloadInMB ({limit // MEBIBYTE} MB)")
