"""Which instrument wrote a run folder: by its own description of the run, by its id, by the folder, or by its files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from typing import TYPE_CHECKING

from seqdrop.runs.files import RunFileError
from seqdrop.runs.xml_text import parse_xml

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from xml.etree.ElementTree import Element

    from seqdrop.runs.files import ReadFile
    from seqdrop.runs.instruments import Row, Table
    from seqdrop.runs.listing import Listing

APPLICATIONS = {"application", "applicationname", "instrumenttype"}
SERIALS = {"instrumentserialnumber", "instrumentid", "instrumentname", "scannerid", "instrument"}
# Date, instrument and number, as Illumina and Element name their folders: 240115_A00123_0045_AHXXXXXX.
FOLDER = re.compile(r"[0-9]{6,8}_([A-Za-z0-9-]+)_.+")


@dataclass(frozen=True)
class Recognition:
    """What a run folder says about its instrument.

    `row` is None if the instrument is unknown. `version` is the RunParametersVersion: "" if RunParameters.xml names
    none, and None if that file is not there or cannot be read. `reads` is the number of reads of RunInfo.xml, indexes
    included; None likewise.
    """

    row: Row | None
    version: str | None = None
    reads: int | None = None
    warnings: tuple[str, ...] = ()


def recognise(folder: str, listing: Listing, read: ReadFile, table: Table) -> Recognition:
    """Return the instrument of the run folder with this name. What cannot be read becomes a warning.

    What the control software says counts more than the id of the instrument, and that more than names: a MiniSeq run
    whose ids were masked looks like one of a MiSeq.
    """
    warnings: list[str] = []
    parameters = _read_xml("RunParameters.xml", listing, read, warnings)
    info = _read_xml("RunInfo.xml", listing, read, warnings)
    serials = [*_texts(parameters, SERIALS), *_texts(info, SERIALS), *_read_json_serials(listing, read, warnings)]
    match = FOLDER.fullmatch(folder)
    row = (
        _match_applications(table, _texts(parameters, APPLICATIONS))
        or _match_serials(table, serials)
        or _match_serials(table, [match[1]] if match else [])
        or _match_folders(table, [folder])
        or _match_folders(table, {part for path in listing.folders for part in path.split("/")})
        or _match_files(table, listing)
    )
    version = next(_texts(parameters, {"runparametersversion"}), "") if parameters is not None else None
    reads = sum(element.tag == "Read" for element in info.iter()) if info is not None else 0
    return Recognition(row, version, reads or None, tuple(warnings))


def read_content(name: str, read: ReadFile) -> bytes | None:
    """Return the content of a file, or None if it is gone or empty; an empty file says no more than its name does."""
    try:
        return read(name) or None
    except FileNotFoundError:
        return None


def _read_xml(name: str, listing: Listing, read: ReadFile, warnings: list[str]) -> Element | None:
    file = listing.get(name)
    body = read_content(file.name, read) if file else None
    if file is None or body is None:
        return None
    try:
        return parse_xml(body, file.name)
    except RunFileError as error:
        warnings.append(str(error))
        return None


def _read_json_serials(listing: Listing, read: ReadFile, warnings: list[str]) -> list[str]:
    """Return the instrument of Element's RunParameters.json."""
    file = listing.get("RunParameters.json")
    body = read_content(file.name, read) if file else None
    if file is None or body is None:
        return []
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        warnings.append(f"{file.name}: it is not JSON that can be read ({error})")
        return []
    name = document.get("InstrumentName") if isinstance(document, dict) else None
    return [name] if isinstance(name, str) else []


def _texts(root: Element | None, tags: Iterable[str]) -> Iterator[str]:
    """Yield the texts of the elements with these names, in any case."""
    for element in root.iter() if root is not None else ():
        if isinstance(element.tag, str) and element.tag.lower() in tags and element.text:
            yield element.text.strip()


def _match_applications(table: Table, texts: Iterable[str]) -> Row | None:
    return next((row for text in texts for row in table.instruments if _is_application(row, text)), None)


def _is_application(row: Row, text: str) -> bool:
    return any(fnmatchcase(text.lower(), pattern.lower()) for pattern in row.applications)


def _match_serials(table: Table, serials: Iterable[str]) -> Row | None:
    return next((row for serial in serials for row in table.instruments if _is_match(row.serials, serial)), None)


def _match_folders(table: Table, names: Collection[str]) -> Row | None:
    return next((row for row in table.instruments if any(_is_match(row.folders, name) for name in names)), None)


def _is_match(patterns: Iterable[str], text: str) -> bool:
    return any(re.fullmatch(pattern, text, re.ASCII) for pattern in patterns)


def _match_files(table: Table, listing: Listing) -> Row | None:
    """Return the row of files that only its instruments write."""
    for row in table.instruments:
        patterns = "|".join(translate(pattern.lower()) for pattern in row.files)
        if patterns and listing.has_match(re.compile(patterns)):
            return row
    return None
