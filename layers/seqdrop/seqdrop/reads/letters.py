"""What characters may stand in a line of FASTQ, and what to say of one that may not."""

from __future__ import annotations

QUALITIES = bytes(range(33, 127))
TEXT = b"\t" + bytes(range(32, 127))


def clean_name(header: bytes) -> bytes:
    """The name of a header (without @) so that it may be shown: what is not printable ASCII becomes ?."""
    if not header or header[:1].isspace():
        return b""
    name = header.split(None, 1)[0]
    return bytes(byte if 32 < byte < 127 else ord("?") for byte in name) if name.translate(None, QUALITIES) else name


def odd_bytes(text: bytes, is_text: bool) -> tuple[str | None, str]:
    """(code, message) of a NUL, a non-ASCII byte, a stray CR, or in a line of text another control character."""
    odd = text.translate(None, TEXT)
    if not odd:
        return None, ""
    where = f"column {text.index(odd[:1]) + 1} holds byte 0x{odd[0]:02x}"
    if odd[0] > 127:
        return "non_ascii", where
    if odd[0] == 0:
        return "nul_byte", where
    if odd[0] == 13:
        return "mixed_line_ends", where + ", a carriage return that ends no line"
    return ("control_character", where) if is_text else (None, "")
