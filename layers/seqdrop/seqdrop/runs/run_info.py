"""What an instrument says about its run: RunInfo.xml of Illumina, RunParameters.json of Element AVITI.

Flow cell, side and instrument come from here and not from the folder's name, which people change, and which differs:
the run folder of a MiSeq i100 ends in `ASC2177698-SC3`, while its flow cell is `BXA66715-2010`. The day of the run does
not come from here: dates have four forms, some are in UTC, and one is of the year 22020.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.runs.files import RunFileError
from seqdrop.runs.xml_text import parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Serial numbers of instruments with two flow cells at a time: NovaSeq 6000, NovaSeq X, HiSeq 1500 to 2500, 4000
# and X. The NextSeq 500 writes an A before its only flow cell, so a letter alone does not mean a side.
TWO_SIDED = re.compile(r"A\d{5}|LH\d{5}|(?:ST-|HWI-)?[CDEK]\d{5}|SN\d+|HWI-ST\d+")
SIDES = {"1": "A", "2": "B", "SideA": "A", "SideB": "B"}
AVITI_READS = ("I1", "I2", "R1", "R2")


@dataclass(frozen=True)
class ReadInfo:
    """A read of a run: its number (from 1, index reads included), its cycles, and whether it is an index read.

    If `is_reverse_complement`, the instrument reads the index in the other direction than a sheet of orientation
    Forward has it.
    """

    number: int
    cycles: int
    is_index: bool
    is_reverse_complement: bool = False


@dataclass(frozen=True)
class RunInfo:
    """A run, as its instrument describes it.

    `number` is 0 if the file has none. `side` is "A" or "B" on instruments with two flow cells, otherwise "".
    `lanes` is the highest lane number; 0 if the file does not say. `date` is as written. `run_type` is that of AVITI
    (Sequencing, Cytoprofiling), otherwise "". A Cytoprofiling run has no reads.
    """

    run_id: str
    number: int
    flow_cell: str
    instrument: str
    side: str
    reads: tuple[ReadInfo, ...]
    lanes: int
    date: str
    run_type: str = ""

    @property
    def named_reads(self) -> dict[str, ReadInfo]:
        """The reads in the order of sequencing, by the names that sheets and FASTQ files give them: R1, I1, I2, R2."""
        return name_reads(self.reads)


def name_reads(reads: tuple[ReadInfo, ...]) -> dict[str, ReadInfo]:
    """Return the reads by name: I1, I2 … for index reads and R1, R2 … for others, each counted in its order."""
    named: dict[str, ReadInfo] = {}
    for read in reads:
        letter = "I" if read.is_index else "R"
        count = sum(name[0] == letter for name in named) + 1
        named[f"{letter}{count}"] = read
    return named


def parse_run_info(body: bytes, name: str) -> RunInfo:
    """Return what RunInfo.xml says (versions 2 to 7). Raise RunFileError if it does not describe a run.

    `name` is the file's path below the run folder, for messages.
    """
    run = parse_xml(body, name).find("Run")
    if run is None:
        raise RunFileError(name, "it has no element Run; is it a RunInfo.xml?")
    reads = tuple(_read(element, name) for element in run.iterfind("Reads/Read"))
    if not reads:
        raise RunFileError(name, "it lists no reads (Reads/Read)")
    layout = run.find("FlowcellLayout")
    run_id, flow_cell, instrument = run.get("Id", ""), _text(run, "Flowcell"), _text(run, "Instrument")
    if not run_id:
        raise RunFileError(name, "its run has no Id")
    return RunInfo(
        run_id=run_id,
        number=_whole(run.get("Number", "0"), "the number of the run", name),
        flow_cell=flow_cell,
        instrument=instrument,
        side=_side(run_id, flow_cell, instrument, "" if layout is None else layout.get("FlowcellSide", "")),
        reads=reads,
        lanes=0 if layout is None else _whole(layout.get("LaneCount", "0"), "LaneCount", name),
        date=_text(run, "Date"),
    )


def _text(run: Element, tag: str) -> str:
    return (run.findtext(tag) or "").strip()


def _whole(text: str, what: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise RunFileError(name, f"{what} is {text[:40]!r}, but must be a whole number")
    return int(text)


def _read(element: Element, name: str) -> ReadInfo:
    for key in ("Number", "NumCycles"):
        if key not in element.attrib:
            raise RunFileError(name, f"a read has no {key}")
    return ReadInfo(
        number=_whole(element.attrib["Number"], "the number of a read", name),
        cycles=_whole(element.attrib["NumCycles"], "NumCycles of a read", name),
        is_index=element.get("IsIndexedRead", "N").upper() == "Y",
        is_reverse_complement=element.get("IsReverseComplement", "N").upper() == "Y",
    )


def _side(run_id: str, flow_cell: str, instrument: str, layout_side: str) -> str:
    """Return the side of a flow cell: by FlowcellSide (NovaSeq 6000), or by the letter before it in the run's id."""
    if not TWO_SIDED.fullmatch(instrument):
        return ""
    if layout_side in SIDES:
        return SIDES[layout_side]
    position = run_id.rsplit("_", 1)[-1]
    return position[0] if flow_cell and position in ("A" + flow_cell, "B" + flow_cell) else ""


def parse_run_parameters_json(body: bytes, name: str) -> RunInfo:
    """Return what RunParameters.json of an AVITI says (FileVersion 3 to 6).

    Raise RunFileError if it is no such file.

    A Cytoprofiling run has neither Cycles nor FlowcellID; its flow cell is that of Consumables. A fluidics or pressure
    test has one cycle and no run id.
    """
    values = _load_object(body, name)
    folder = _string(values, "RunFolderName", name) or _string(values, "RunName", name)
    if "FileVersion" not in values or not folder:
        raise RunFileError(name, "it has no FileVersion, or no RunFolderName; is it a RunParameters.json of an AVITI?")
    lanes = re.findall(r"\d+", _string(values, "AnalysisLanes", name))
    return RunInfo(
        run_id=folder,
        number=0,
        flow_cell=_string(values, "FlowcellID", name) or _flow_cell_serial(values),
        instrument=_string(values, "InstrumentName", name),
        side=SIDES.get(_string(values, "Side", name), ""),
        reads=_aviti_reads(values, name),
        lanes=max((int(lane[:4]) for lane in lanes), default=0),
        date=_string(values, "Date", name),
        run_type=_string(values, "RunType", name) or "Sequencing",  # before FileVersion 5 there was no other
    )


def _load_object(body: bytes, name: str) -> dict[str, object]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RunFileError(name, f"it is not JSON ({error})", getattr(error, "lineno", None)) from error
    if not isinstance(values, dict):
        raise RunFileError(name, "it is JSON, but not an object")
    return values


def _string(values: dict[str, object], key: str, name: str) -> str:
    value = values.get(key) or ""
    if not isinstance(value, str):
        raise RunFileError(name, f"{key} must be a text")
    return value


def _flow_cell_serial(values: dict[str, object]) -> str:
    consumables = values.get("Consumables")
    flow_cell = consumables.get("Flowcell") if isinstance(consumables, dict) else None
    serial = flow_cell.get("SerialNumber") if isinstance(flow_cell, dict) else None
    return serial if isinstance(serial, str) else ""


def _aviti_reads(values: dict[str, object], name: str) -> tuple[ReadInfo, ...]:
    """Return the reads with cycles, in the order of ReadOrder (`I1,I2,R1`)."""
    cycles = values.get("Cycles") or {}
    if not isinstance(cycles, dict):
        raise RunFileError(name, "Cycles must be an object such as {R1: 151, R2: 151, I1: 8, I2: 8}")
    for read, count in cycles.items():
        if read in AVITI_READS and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
            raise RunFileError(name, f"Cycles of {read} must be a whole number")
    order = [read for read in _string(values, "ReadOrder", name).split(",") if read in AVITI_READS]
    order += [read for read in AVITI_READS if read not in order]
    reads = [read for read in dict.fromkeys(order) if cycles.get(read)]
    return tuple(ReadInfo(number, cycles[read], read[0] == "I") for number, read in enumerate(reads, start=1))
