"""The headers Content-Type and Accept, as the inference toolkit passes them to the model code."""

from __future__ import annotations

JSON_LINES, JSON, ANY = "application/jsonlines", "application/json", "*/*"


def parse_media_type(header: str | None) -> str:
    """Return the media type of a header in lower case, without parameters such as a charset; "" without a header."""
    return (header or "").split(";")[0].strip().lower()


def accepts(header: str | None, *offered: str) -> bool:
    """Return True if a client accepts one of the offered types. A client without the header accepts any type.

    The toolkit sends application/json if the client named no type, so callers should offer that type as well.
    """
    return not {parse_media_type(kind) for kind in (header or ANY).split(",")}.isdisjoint({*offered, ANY})


def as_bytes(body: bytes | bytearray | str) -> bytes:
    """Return a request's body as bytes. The toolkit decodes the body for some content types."""
    return body.encode("utf-8") if isinstance(body, str) else bytes(body)
