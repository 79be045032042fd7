"""The code of every finding on a sample sheet, with its severity and advice. docs/sample-sheets.md lists the same."""

from __future__ import annotations

from seqdrop.errors import Fault
from seqdrop.reads.codes import ERROR, WARNING, Code

_ALL = (
    Code("sheet_unreadable", "Correct the line that the message names. Until then, the sheet is kept and not used."),
    Code("no_samples", "The run is handled without a list of its samples. Is it the sheet of the whole run?", WARNING),
    Code("sample_id_missing", "Write a Sample_ID in this row, or remove the row."),
    Code("sample_id_characters", "Use only letters of English, digits, - and _; BCL Convert and bcl2fastq refuse "
         "others, or change them in the names of files."),
    Code("sample_id_reserved", "Rename the sample: the software writes files of this name itself."),
    Code("sample_ids_alike", "Illumina's software does not distinguish upper and lower case. Are they two samples?",
         WARNING),
    Code("sample_repeated", "The reads of both rows go into the same files. This is right if the library has several "
         "indexes, such as the four of 10x Genomics.", WARNING),
    Code("row_repeated", "Remove one of the two rows."),
    Code("index_repeated", "Two samples of a lane must differ in their index. Correct one of them."),
    Code("index_collision", "BCL Convert refuses indexes as close as these. Set BarcodeMismatchesIndex1 (or 2) to 0, "
         "or correct the index."),
    Code("index_collision_possible", "Allow fewer mismatches when demultiplexing (bcl2fastq: `--barcode-mismatches 0`; "
         "AVITI: I1MismatchThreshold), or correct the index.", WARNING),
    Code("index_characters", "An index has only A, C, G, T and N."),
    Code("index_set", "Cell Ranger and Space Ranger replace the name of an index set by its indexes. BCL Convert and "
         "bcl2fastq need the indexes themselves.", WARNING),
    Code("index_blanks", "Remove the blanks; not all programs ignore them.", WARNING),
    Code("index_missing", "Several samples share the lane, and without an index their reads cannot be distinguished."),
    Code("index_too_long", "Compare the index and OverrideCycles with the cycles of the run. Is it the sheet of "
         "another run?"),
    Code("index_too_short", "Mask the cycles that are left, such as I8N2 in OverrideCycles; otherwise BCL Convert may "
         "refuse the sheet.", WARNING),
    Code("lane_unknown", "The flow cell has no such lane. Is it the sheet of another run?"),
    Code("lanes_mixed", "A row without a lane is read as a row for all lanes. Write the lane in all rows, or in none.",
         WARNING),
    Code("override_cycles", "Compare OverrideCycles with the reads of the run, such as Y151;I8;I8;Y151."),
    Code("override_cycles_sum", "The cycles of each read must add up to those of the run. Is it the sheet of another "
         "run?"),
    Code("mismatches_value", "The number of allowed mismatches is 0, 1 or 2."),
    Code("cycles_differ", "The run was started with other cycles than the sheet plans. Is it the sheet of another run?",
         WARNING),
    Code("setting_repeated", "The first value is used here; other programs may take the last. Remove one line.",
         WARNING),
)  # fmt: skip

SHEET_CODES: dict[str, Code] = {code.name: code for code in _ALL}


def finding(code: str, message: str, line: int | None = None, sample: str | None = None) -> Fault:
    """Return a finding with the advice of its code; `line` counts from 1, and `sample` is a Sample_ID."""
    return Fault(code, message, SHEET_CODES[code].advice, name=sample, line=line)


def is_error(fault: Fault) -> bool:
    """Return True if a finding on a sheet is an error, False if it is a warning."""
    return SHEET_CODES[fault.code].severity == ERROR
