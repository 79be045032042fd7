"""A sample sheet as the parser returns it, whichever instrument it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST_LIMS_ID = 256  # characters; a tag of S3 has as many
ILLUMINA_V1, ILLUMINA_V2, AVITI, ONT = "illumina v1", "illumina v2", "aviti", "ont"


@dataclass(frozen=True)
class Row:
    """A line of a section that is not empty: its number in the file, from 1, and its cells without blanks around."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A section: its name as written (`BCLConvert_Data`), the line of that name, and its rows in order."""

    name: str
    line: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class SheetSample:
    """A row of the sheet's table of samples.

    `lanes` is empty if the row is for all lanes. `index` and `index2` are in upper case and without blanks; "" if there
    is none, also for `na`. `name` is Sample_Name (Illumina), or that of all barcodes of a flow cell (ONT, where the
    alias or the barcode is the `sample_id`). `columns` has every cell as written, by the name of its column.
    """

    sample_id: str
    name: str
    lanes: tuple[int, ...]
    index: str
    index2: str
    project: str
    line: int
    columns: dict[str, str]

    @property
    def lane(self) -> int:
        """The only lane of the row; 0 if it is for all lanes, or for several."""
        return self.lanes[0] if len(self.lanes) == 1 else 0

    @property
    def lims_id(self) -> str:
        """The cell of the column LIMS_ID, whose title is compared without case, `_`, `-` and blanks; "" without one."""
        titles = {re.sub(r"[_\- ]", "", title).lower(): value for title, value in self.columns.items()}
        return titles.get("limsid", "").strip()[:LONGEST_LIMS_ID]

    def column(self, name: str) -> str:
        """Return the cell of a column, whose name is compared without case; "" if there is none."""
        return next((value for key, value in self.columns.items() if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Sheet:
    """A sample sheet.

    `kind` is ILLUMINA_V1, ILLUMINA_V2, AVITI or ONT. `settings` are those of the demultiplexing; `lane_settings` those
    of AVITI that are for one lane only, by lane. `cycles` are the planned cycles by read (R1, R2, I1, I2), if it has
    them. `sections` has all sections by name in lower case, also those that nothing here reads, such as
    `cloud_data` or `dragengermline_data`.
    """

    name: str
    kind: str
    header: dict[str, str]
    settings: dict[str, str]
    samples: tuple[SheetSample, ...]
    cycles: dict[str, int] = field(default_factory=dict)
    lane_settings: dict[int, dict[str, str]] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)

    def setting(self, name: str, lane: int = 0) -> str:
        """Return a setting, whose name is compared without case; "" if there is none. That of its lane comes first."""
        for settings in (self.lane_settings.get(lane, {}), self.settings):
            for key, value in settings.items():
                if key.lower() == name.lower():
                    return value
        return ""

    @property
    def analyses(self) -> tuple[str, ...]:
        """The names of on-board or cloud analyses that the sheet asks for: the sections X_Settings and X_Data."""
        names = [section.name.rpartition("_") for section in self.sections.values()]
        other = ("bclconvert", "sequencing", "cloud")
        asked = [name for name, mark, kind in names if mark and kind.lower() in ("settings", "data")]
        return tuple(dict.fromkeys(name for name in asked if name.lower() not in other))
