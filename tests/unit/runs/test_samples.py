"""The table of a run's samples: real runs, each way of naming files, and what is missing, unexpected or empty."""

import csv
import json
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.files import RunFile
from seqdrop.runs.run_info import ReadInfo, RunInfo, parse_run_info
from seqdrop.runs.samples import COLUMNS, as_json, as_tsv, sample_table
from seqdrop.runs.sheets.parser import parse_sheet

from tests.unit.runs.real import NOVASEQ_X, NOW, read_listing, read_real

V2 = "[Header]\nFileFormatVersion,2\n[BCLConvert_Data]\n"
READS = (ReadInfo(1, 151, False), ReadInfo(2, 8, True), ReadInfo(3, 8, True), ReadInfo(4, 151, False))
RUN = RunInfo("r", 1, "f", "LH00001", "A", READS, 2, "")


def sheet(rows: str, head: str = V2):
    return parse_sheet((head + rows).encode(), "SampleSheet.csv")


def files(*names: str, size: int = 1000) -> list[RunFile]:
    return [RunFile(name, size, NOW) for name in names]


def pair(stem: str, size: int = 1000) -> list[RunFile]:
    return files(f"{stem}_R1_001.fastq.gz", f"{stem}_R2_001.fastq.gz", size=size)


def statuses(table) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {row.sample_id: (row.status, row.missing) for row in table.rows}


def test_a_novaseq_x_run_is_complete():
    folder = f"{NOVASEQ_X}/Analysis/2"
    manifest = csv.reader(read_real(f"{folder}/Manifest.tsv").decode().splitlines(), delimiter="\t")
    names = [f"Analysis/2/{name}" for name, _ in manifest]
    plan = parse_sheet(read_real(f"{folder}/Data/BCLConvert/SampleSheet.csv"), "SampleSheet.csv")
    info = parse_run_info(read_real(f"{NOVASEQ_X}/RunInfo.xml"), "RunInfo.xml")
    table = sample_table(plan, files(*names), info)
    assert {row.status for row in table.rows} == {"complete"}
    assert table.undetermined_share == 16 / (16 + 18 * 16)

    expected = defaultdict(set)  # what BCL Convert itself says of its files
    for row in csv.DictReader(
        read_real(f"{folder}/Data/BCLConvert/fastq/Reports/fastq_list.csv").decode().splitlines()
    ):
        if row["RGSM"] != "Undetermined":
            expected[row["RGSM"]] |= {row["Read1File"], row["Read2File"]}
    joined = {row.sample_id: {n.rsplit("/", 1)[1] for names in row.files.values() for n in names} for row in table.rows}
    assert joined == expected
    first = next(iter(plan.samples)).sample_id
    del names[next(i for i, name in enumerate(names) if f"{first}_S1_L003_R2" in name)]
    assert statuses(sample_table(plan, files(*names), info))[first] == ("incomplete", ("L003 R2",))


def test_local_run_manager_names_files_by_sample_name_with_hyphens():
    """All FASTQ files of these two listings are of reads that were taken out: 20 and 52 bytes."""
    for folder, path in (
        ("miniseq/180103_M000000_0000_0000000000", "Alignment_1/20180103_110937/SampleSheetUsed.csv"),
        ("miseq/180101_M00000_0000_000000000-XXXXX", "Data/Intensities/BaseCalls/Alignment/SampleSheetUsed.csv"),
    ):
        plan = parse_sheet(read_real(f"{folder}/{path}"), path)
        info = parse_run_info(read_real(f"{folder}/RunInfo.xml"), "RunInfo.xml")
        table = sample_table(plan, read_listing(f"{folder}/LISTING.tsv"), info)
        assert [row.sample_id for row in table.rows] == [sample.sample_id for sample in plan.samples]
        assert {(row.status, tuple(row.files)) for row in table.rows} == {("empty", ("R1", "R2"))}


def test_a_revio_run_has_its_barcodes_by_cell():
    table = sample_table(None, read_listing("pacbio-revio/r84028_20230214_022129/LISTING.tsv"))
    assert len(table.rows) == 20
    assert table.rows[0].sample_id == "m84028_230214_023007_s1.bc2023"
    assert {tuple(row.files) for row in table.rows} == {("fail_reads", "hifi_reads")}
    assert not any("unassigned" in row.sample_id for row in table.rows)


def test_an_ont_run_without_barcodes_has_its_sample():
    (row,) = sample_table(None, read_listing("ont/LISTING.tsv")).rows
    assert (row.sample_id, set(row.files)) == ("Sample1", {"pass", "fail"})


def test_missing_incomplete_empty_and_unexpected_samples():
    plan = sheet("Lane,Sample_ID,Sample_Project\n1,S1,P\n2,S1,P\n1,S2,\n1,S3,\n1,S4,\n1,S5,\n")
    came = [*pair("S1_S1_L001"), *pair("S1_S1_L002"), *files("S2_S2_L001_R1_001.fastq.gz"), *pair("S3_S3_L001", 20),
            *pair("Other_S9_L001"), *pair("Undetermined_S0_L001", 2000), *pair("S5_S5_L002"),
            *files("RunInfo.xml", size=99999)]  # fmt: skip
    table = sample_table(plan, came, RUN)
    assert statuses(table) == {
        "S1": ("complete", ()),
        "S2": ("incomplete", ("L001 R2",)),
        "S3": ("empty", ()),
        "S4": ("missing", ()),
        "S5": ("incomplete", ("L001",)),
        "Other": ("unexpected", ()),
    }
    assert (table.missing, table.unexpected) == (("S4",), ("Other",))
    assert table.undetermined_bytes == 4000
    assert table.undetermined_share == 4000 / (4000 + 4 * 1000 + 1000 + 2 * 20 + 4 * 1000)


def test_a_sample_with_reads_in_one_lane_is_not_empty():
    table = sample_table(sheet("Lane,Sample_ID\n1,S1\n2,S1\n"), [*pair("S1_S1_L001", 20), *pair("S1_S1_L002")], RUN)
    assert statuses(table) == {"S1": ("complete", ())}


def test_a_run_that_is_not_demultiplexed_misses_no_sample():
    plan = sheet("Sample_ID\nS1\nS2\n")
    table = sample_table(plan, files("RunInfo.xml", "Data/Intensities/BaseCalls/L001/C1.1/L001_1.cbcl"), RUN)
    assert statuses(table) == {"S1": ("planned", ()), "S2": ("planned", ())}
    assert (table.missing, table.unexpected) == ((), ())
    assert sample_table(plan, pair("Undetermined_S0_L001"), RUN).missing == ("S1", "S2")


def test_a_run_without_reads_has_no_share():
    assert sample_table(None, files("RunInfo.xml")).undetermined_share is None
    assert sample_table(None, files("S1_R1.fastq.gz")).undetermined_share == 0
    assert sample_table(None, files("Undetermined_S0_R1_001.fastq.gz")).undetermined_share == 1


def test_rows_without_a_lane_expect_all_lanes_if_files_are_split():
    plan = sheet("Sample_ID\nS1\nS2\n")
    assert statuses(sample_table(plan, [*pair("S1_S1_L001"), *pair("S2_S2")], RUN)) == {
        "S1": ("incomplete", ("L002",)),
        "S2": ("complete", ()),
    }
    assert statuses(sample_table(plan, [*pair("S1_S1_L001")]))["S1"] == ("complete", ())  # lanes are not known


def test_without_a_sheet_no_lane_is_expected():
    assert statuses(sample_table(None, pair("S1_S1_L001"), RUN))["S1"] == ("complete", ())
    only = files("S1_S1_L001_R1_001.fastq.gz")
    assert statuses(sample_table(None, only, RUN))["S1"] == ("incomplete", ("L001 R2",))


def test_reads_that_have_no_bases_are_not_expected():
    settings = "[BCLConvert_Settings]\nOverrideCycles,{}\n"
    only = files("S1_S1_R2_001.fastq.gz")
    for override, expected in (("U151;I8;I8;Y151", "complete"), ("U9Y142;I8;I8;Y151", "incomplete")):
        plan = sheet("Sample_ID\nS1\n", settings.format(override) + V2)
        assert statuses(sample_table(plan, only, RUN))["S1"][0] == expected


def test_without_cycles_other_samples_say_which_reads_to_expect():
    came = [*pair("S1_S1"), *files("S2_S2_R1_001.fastq.gz")]
    assert statuses(sample_table(sheet("Sample_ID\nS1\nS2\n"), came))["S2"] == ("incomplete", ("R2",))
    single = files("S1_S1_R1_001.fastq.gz", "S2_S2_R1_001.fastq.gz")
    assert {row.status for row in sample_table(sheet("Sample_ID\nS1\nS2\n"), single).rows} == {"complete"}


def test_the_files_of_bcl2fastq_are_in_folders_by_project_and_sample():
    plan = sheet("Sample_ID,Sample_Name,Sample_Project\nA,same,P\nB,same,P\n", "[Data]\n")
    came = [*pair("P/A/same_S1_L001"), *pair("P/B/same_S2_L001")]
    table = sample_table(plan, came)
    assert {row.sample_id: row.files["R1"] for row in table.rows} == {
        "A": ("P/A/same_S1_L001_R1_001.fastq.gz",), "B": ("P/B/same_S2_L001_R1_001.fastq.gz",)}  # fmt: skip


def test_numbers_of_samples_distinguish_samples_of_one_name():
    plan = sheet("Lane,Sample_ID,Sample_Name\n1,A,same\n1,B,same\n2,A,same\n", "[Data]\n")
    table = sample_table(plan, [*pair("same_S2_L001"), *pair("same_S1_L001"), *pair("same_S1_L002")])
    assert {row.sample_id: row.lanes for row in table.rows} == {"A": (1, 2), "B": (1,)}
    stranger = sample_table(plan, pair("same_S7_L001"))
    assert stranger.unexpected == ("same",)  # it could be either


def test_a_sample_id_wins_over_the_name_of_another_sample():
    plan = sheet("Sample_ID,Sample_Name\nA_1,x\nA-1,y\n", "[Data]\n")
    table = sample_table(plan, [*pair("A_1_S1"), *pair("A-1_S2")])
    assert {row.sample_id: row.files["R1"] for row in table.rows} == {
        "A_1": ("A_1_S1_R1_001.fastq.gz",), "A-1": ("A-1_S2_R1_001.fastq.gz",)}  # fmt: skip


def test_only_the_latest_analysis_counts():
    came = [*pair("Analysis/1/Data/fastq/S1_S1_L001"), *pair("Analysis/2/Data/fastq/S1_S1_L001", 500)]
    (row,) = sample_table(sheet("Sample_ID\nS1\n"), came).rows
    assert (row.bytes, row.files["R1"]) == (1000, ("Analysis/2/Data/fastq/S1_S1_L001_R1_001.fastq.gz",))


def test_an_aviti_run():
    plan = sheet("SampleName,Index1,Lane,Project\nS1,ACGT,1+2,P\nS1,CCCC,1+2,P\nS2,GGGG,1,P\n", "[Samples]\n")
    came = files(
        "Samples/P/S1/S1_R1.fastq.gz", "Samples/P/S1/S1_R2.fastq.gz", "Samples/Unassigned/Unassigned_R1.fastq.gz"
    )
    table = sample_table(plan, came)
    assert statuses(table) == {"S1": ("complete", ()), "S2": ("missing", ())}
    assert table.undetermined_bytes == 1000


def test_barcodes_of_minknow_are_joined_by_alias_and_by_barcode():
    plan = sheet("flow_cell_id,position_id,sample_id,barcode,alias\nF,1,pool,barcode01,mouse\nF,1,pool,barcode02,\n"
                 "F,1,pool,barcode03,rat\n", "")  # fmt: skip
    came = files(
        "fastq_pass/mouse/F_pass_barcode01_a_b_0.fastq.gz",
        "fastq_pass/barcode02/F_pass_barcode02_a_b_0.fastq.gz",
        "fastq_pass/barcode03/F_pass_barcode03_a_b_0.fastq.gz",
        "fastq_pass/unclassified/F_pass_x_0.fastq.gz",
    )
    table = sample_table(plan, came)
    assert {row.sample_id: row.status for row in table.rows} == dict.fromkeys(("mouse", "barcode02", "rat"), "complete")
    assert table.undetermined_bytes == 1000


def test_the_texts():
    plan = sheet("Lane,Sample_ID,Sample_Project\n1,S1,P\n1,S2,\n")
    table = sample_table(plan, [*pair("S1_S1_L001"), *pair("Undetermined_S0_L001")], RUN)
    assert as_tsv(table) == (
        "sample_id\tproject\tstatus\tlanes\treads\tfiles\tbytes\tmissing\n"
        "S1\tP\tcomplete\t1\tR1+R2\t2\t2000\t\n"
        "S2\t\tmissing\t\t\t0\t0\t\n"
    )
    document = as_json(table)
    assert json.loads(json.dumps(document)) == document
    assert document["samples"][0] == {
        "sample_id": "S1", "project": "P", "status": "complete", "lanes": [1], "bytes": 2000, "missing": [],
        "files": {"R1": ["S1_S1_L001_R1_001.fastq.gz"], "R2": ["S1_S1_L001_R2_001.fastq.gz"]},
    }  # fmt: skip
    assert (document["missing"], document["undetermined_share"]) == (["S2"], 0.5)


def test_the_page_lists_the_columns(repository):
    page = (repository / "docs/sample-sheets.md").read_text()
    assert all(f"| `{column}` |" in page for column in COLUMNS)


NAMES = st.text("AB1-_", min_size=1, max_size=4)


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.sets(st.integers(1, 4), min_size=1), st.data())
def test_files_that_bcl_convert_would_write_are_joined_to_their_samples(names, lanes, data):
    """Write every file of a sheet, drop some, in any order: each is in its sample's row, and nothing is unexpected."""
    order = sorted(lanes)
    plan = sheet("Lane,Sample_ID\n" + "".join(f"{lane},{name}\n" for lane in order for name in names))
    written = {
        f"{name}_S{number}_L{lane:03}_{read}_001.fastq.gz": name
        for number, name in enumerate(names, start=1) for lane in order for read in ("R1", "R2")
    }  # fmt: skip
    kept = data.draw(st.lists(st.sampled_from(sorted(written)), unique=True))
    table = sample_table(plan, files(*kept), RunInfo("r", 1, "f", "LH00001", "A", READS, 4, ""))
    assert [row.sample_id for row in table.rows] == names
    for row in table.rows:
        own = {name for name in kept if written[name] == row.sample_id}
        assert {name for paths in row.files.values() for name in paths} == own
        assert (row.status == ("missing" if kept else "planned")) == (not own)
        assert (row.status == "complete") == (len(own) == 2 * len(order))
