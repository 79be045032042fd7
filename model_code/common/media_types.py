"""Content-Type and Accept headers, as the inference toolkit passes them on."""

from __future__ import annotations

JSON_LINES, JSON, ANY = "application/jsonlines", "application/json", "*/*"


def parse_media_type(header: str | None) -> str:
    """Return the type that a header names, in lower case, without parameters such as a charset."""
    return (header or "").split(";")[0].strip().lower()


def accepts(header: str | None, *offered: str) -> bool:
    """Return whether a client takes one of the offered types. Without a header it takes any.

    The toolkit says application/json where the client said nothing, so callers offer that too.
    """
    return not {parse_media_type(kind) for kind in (header or ANY).split(",")}.isdisjoint({*offered, ANY})


def as_bytes(body: bytes | bytearray | str) -> bytes:
    """Return the bytes of a request, which the toolkit decodes for some types."""
    return body.encode("utf-8") if isinstance(body, str) else bytes(body)
