"""XML files of instruments. They come from a network share, so entities and document types are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from seqdrop.runs.files import RunFileError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def parse_xml(body: bytes, name: str) -> Element:
    """Return the root of an XML document. Raise RunFileError if it is not one; `name` is that of the file."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # LookupError: an unknown encoding
        line = getattr(error, "position", (None, None))[0]
        raise RunFileError(name, f"it is not XML that can be read ({error})", line) from error
    return root
