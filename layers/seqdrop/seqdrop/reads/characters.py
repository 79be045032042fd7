"""The characters that a line of FASTQ may contain, and the codes of faults for other characters."""

from __future__ import annotations

QUALITIES = bytes(range(33, 127))
TEXT = b"\t" + bytes(range(32, 127))
TITLE_SEPARATOR = b"\x01"  # Ctrl-A, between the titles that NCBI merges in a FASTA header


def clean_name(header: bytes) -> bytes:
    """Return the name in a header (without its @); characters that are not printable ASCII become ?.

    Return b"" if there is no name directly after the @.
    """
    if not header or header[:1].isspace():
        return b""
    name = header.split(None, 1)[0]
    if not name.translate(None, QUALITIES):
        return name
    return bytes(byte if 32 < byte < 127 else ord("?") for byte in name)


def find_odd_byte(text: bytes, is_text: bool) -> tuple[str | None, str]:
    """Return (code, message) for the first NUL, non-ASCII byte or CR within a line; (None, "") if there is none.

    `is_text` is True for headers and + lines, in which other control characters are faults as well.
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
