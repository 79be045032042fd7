"""The characters that may be in a line of FASTQ, and the faults of all others."""

from __future__ import annotations

QUALITIES = bytes(range(33, 127))
TEXT = b"\t" + bytes(range(32, 127))


def clean_name(header: bytes) -> bytes:
    """Return the name of a header (without @) in printable ASCII; all other characters become ?."""
    if not header or header[:1].isspace():
        return b""
    name = header.split(None, 1)[0]
    if not name.translate(None, QUALITIES):
        return name
    return bytes(byte if 32 < byte < 127 else ord("?") for byte in name)


def odd_bytes(text: bytes, is_text: bool) -> tuple[str | None, str]:
    """Return (code, message) of the first NUL, non-ASCII byte or stray CR; (None, "") if there is none.

    If `is_text`, the line is a header or a + line, and other control characters are faults as well.
    """
    odd = text.translate(None, TEXT)
    if not odd:
        return None, ""
    where = f"column {text.index(odd[:1]) + 1} contains byte 0x{odd[0]:02x}"
    if odd[0] > 127:
        return "non_ascii", where
    if odd[0] == 0:
        return "nul_byte", where
    if odd[0] == 13:
        return "mixed_line_ends", where + ", a carriage return within the line"
    return ("control_character", where) if is_text else (None, "")
