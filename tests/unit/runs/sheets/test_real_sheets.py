"""Every real sheet is read whole, agrees with the reports of its run, and gives no false alarm."""

import csv
import re

import pytest
from seqdrop.runs.files import RunFileError
from seqdrop.runs.run_info import parse_run_info
from seqdrop.runs.sheets.checks import check_sheet
from seqdrop.runs.sheets.names import is_sheet, starts_like_sheet
from seqdrop.runs.sheets.parser import parse_sheet

from tests.unit.runs.real import FINDINGS, FOLDER, NOVASEQ_X, SHEETS, find_run_info, read_real

COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.mark.parametrize("path", SHEETS)
def test_a_real_sheet_has_all_its_rows(path):
    sheet = parse_sheet(read_real(path), path)
    assert (sheet.kind, len(sheet.samples)) == SHEETS[path]
    assert all(sample.sample_id for sample in sheet.samples)


def test_no_real_sheet_was_forgotten():
    if not FOLDER.is_dir():
        pytest.skip("no ../shared/data/runs beside the checkout")
    names = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.csv") if is_sheet(path.name)}
    assert names - set(SHEETS) == {"sheets/nf-core/input_samplesheet.csv"}


@pytest.mark.parametrize("path", SHEETS)
def test_every_row_of_every_line_is_in_the_sheet(path):
    """Count the lines of the file again: each that is not empty is a row of some section, or its name."""
    body = read_real(path)
    lines = [line for line in re.split(rb"\r?\n", body) if line.strip(b' ,"\r')]
    sheet = parse_sheet(body, path)
    assert len(lines) == sum(1 + len(section.rows) for section in sheet.sections.values())


@pytest.mark.parametrize("path", SHEETS)
def test_a_real_sheet_has_the_findings_that_it_should_have(path):
    sheet = parse_sheet(read_real(path), path)
    body = find_run_info(path)
    info = parse_run_info(body, "RunInfo.xml") if body else None
    assert {fault.code for fault in check_sheet(sheet, info)} == FINDINGS.get(path, set())
    assert {fault.code for fault in check_sheet(sheet)} <= FINDINGS.get(path, set())


def test_the_table_of_a_pipeline_is_no_sheet():
    body = read_real("sheets/nf-core/input_samplesheet.csv")
    assert not starts_like_sheet(body[:512])
    with pytest.raises(RunFileError, match="line 1: .*before the first section"):
        parse_sheet(body, "samplesheet.csv")


@pytest.mark.parametrize("path", SHEETS)
def test_a_real_sheet_starts_like_one(path):
    assert starts_like_sheet(read_real(path)[:512])


def test_the_sheet_agrees_with_the_report_of_its_run():
    """BCL Convert's report of the same run has the second index as its reverse complement, in all 144 rows."""
    folder = f"{NOVASEQ_X}/Analysis/2/Data/BCLConvert"
    sheet = parse_sheet(read_real(f"{folder}/SampleSheet.csv"), "SampleSheet.csv")
    report = csv.DictReader(read_real(f"{folder}/fastq/Reports/Demultiplex_Stats.csv").decode().splitlines())
    reported = {(row["Lane"], row["SampleID"], row["Index"]) for row in report if row["SampleID"] != "Undetermined"}
    listed = {
        (str(sample.lane), sample.sample_id, f"{sample.index}-{sample.index2.translate(COMPLEMENT)[::-1]}")
        for sample in sheet.samples
    }
    assert listed == reported


def test_settings_columns_and_sections_of_real_sheets():
    plan = parse_sheet(read_real("miseq-i100/made/SampleSheet.csv"), "s")
    assert [(sample.index, sample.index2) for sample in plan.samples][2] == ("ATCACG", "")
    assert plan.samples[2].column("OverrideCycles") == "R1:Y301;I1:I6N2;I2:N8;R2:Y301"
    nextseq = parse_sheet(read_real("sheets/nf-core/NextSeq2000_SampleSheet.csv"), "s")
    assert nextseq.analyses == ("Cloud_DragenSingleCellRna",)
    assert nextseq.cycles == {"R1": 28, "R2": 90, "I1": 10, "I2": 10}
    aligned = parse_sheet(read_real("sheets/npg/231206_47995_NVX1_A_ssbatch98292_align.csv"), "s")
    assert aligned.analyses == ("DragenGermline",)
    assert len(aligned.sections["dragengermline_data"].rows) == 88  # 87 samples and the titles
    blanks = parse_sheet(read_real("novaseq6000/200624_A00834_0183_BHMTFYTINY/SampleSheet.csv"), "s")
    assert (blanks.samples[3].index, blanks.samples[3].index2) == ("AGGTCAGATA", "CTACAAGATA")
    aviti = parse_sheet(read_real("aviti/made/RunManifest.csv"), "s")
    assert [(sample.sample_id, sample.lanes) for sample in aviti.samples] == [
        ("S1", (1,)), ("S1", (1,)), ("S2", (1, 2)), ("PhiX_Adept", (1,))]  # fmt: skip
    assert [aviti.setting("i1mismatchthreshold", lane) for lane in (0, 1, 2)] == ["", "0", "0"]
    assert aviti.header == {"lims_step_name": "Load to Flowcell (AVITI) v1.0"}
