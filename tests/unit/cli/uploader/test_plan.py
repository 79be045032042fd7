"""What goes where, and in which order, before anything is sent."""

from __future__ import annotations

import csv
import gzip
from itertools import chain
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop_cli.errors import CommandError
from seqdrop_cli.uploader.listing import Selection
from seqdrop_cli.uploader.placement import Placement
from seqdrop_cli.uploader.plan import Plan
from seqdrop_cli.uploader.run_folders import Order, folder_name, key_below, order_of

if TYPE_CHECKING:
    from pathlib import Path

FASTQ, DNA, PROTEIN = b"@r\nACGT\n+\nIIII\n", b">c\nACGTN\n", b">p\nMKVLAAGIVGLFW\n"
BAM = gzip.compress(b"BAM\1\0\0\0\0", mtime=0)
NO_SEQUENCE = "it is no FASTQ, FASTA or BAM file, and in no run folder"


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def keys(plan: Plan) -> list[str]:
    return [item.key for unit in chain(plan.early(), plan.usual(), plan.last()) for item in unit]


def plan(*paths: Path, to: str | None = None, prefix: str | None = None, **options) -> Plan:
    return Plan(list(paths), Placement.of(to, prefix), **options)


LOOSE = {
    "S1_R1.fastq.gz": gzip.compress(FASTQ, mtime=0),
    "S1_I1.fastq.gz": gzip.compress(FASTQ, mtime=0),
    "Undetermined_S0_L001_R1_001.fastq": FASTQ,
    "genome.fa": DNA,
    "proteins.fasta": PROTEIN,
    "short.faa": b">p\nMKV\n",
    "reads.bam": BAM,
    "header.sam": b"@HD\tVN:1.6\n",
    "notes.txt": b"hello",
    "sheet.xlsx": b"PK\3\4",
}


def test_sequences_go_to_raw_and_the_rest_is_left_out_with_a_reason(tmp_path):
    chosen = plan(write(tmp_path / "lab", LOOSE))
    assert sorted(keys(chosen)) == [
        "raw/lab/S1_I1.fastq.gz",
        "raw/lab/S1_R1.fastq.gz",
        "raw/lab/Undetermined_S0_L001_R1_001.fastq",
        "raw/lab/genome.fa",
        "raw/lab/reads.bam",
    ]
    reasons = chosen.left_out.counts
    assert reasons[NO_SEQUENCE] == 3
    assert sum(count for reason, count in reasons.items() if "--to proteins" in reason) == 2


@pytest.mark.parametrize("to", ["reads", "auto"])
def test_index_reads_and_reads_of_no_sample_never_go_to_a_model(tmp_path, to):
    chosen = plan(write(tmp_path / "lab", LOOSE), to=to)
    places = {PurePosixPath(key).name: key.partition("/")[0] for key in keys(chosen)}
    assert places["S1_R1.fastq.gz"] == "reads"
    assert places["S1_I1.fastq.gz"] == places["Undetermined_S0_L001_R1_001.fastq"] == places["reads.bam"] == "raw"
    assert any("index reads are not for a model" in note for note in chosen.notes)


def test_a_folder_laid_out_like_the_bucket_does_not_bring_index_reads_to_a_model(tmp_path):
    folder = write(tmp_path / "lab", {"reads/run1/S1_R1.fastq": FASTQ, "reads/run1/S1_I1.fastq": FASTQ})
    assert sorted(keys(plan(folder))) == ["raw/lab/reads/run1/S1_I1.fastq", "reads/run1/S1_R1.fastq"]


@pytest.mark.parametrize(
    ("name", "body", "to", "expected"),
    [
        ("p.fasta", PROTEIN, "proteins", ["proteins/p.fasta"]),
        ("p.fasta", PROTEIN, "contigs", []),
        ("p.fasta", PROTEIN, "auto", ["proteins/p.fasta"]),
        ("p.pep.gz", gzip.compress(b">p\nMKV\n", mtime=0), "auto", ["proteins/p.pep.gz"]),
        ("p.faa", DNA, "proteins", ["proteins/p.faa"]),
        ("g.fa", DNA, "auto", ["contigs/g.fa"]),
        ("g.fa", b">c\n" + b"ACGTRYSWKMBDHVNUacgt-\n" * 9, "contigs", ["contigs/g.fa"]),
        ("x.bed", b"c\t1\t2\n", "masked", ["masked/x.bed"]),
        ("x.bed", b"c\t1\t2\n", "contigs", []),
        ("all.csv", b"a,b\n", "training", ["training/all.csv"]),
        ("broken.fastq.gz", b"\x1f\x8bbroken", "reads", ["reads/broken.fastq.gz"]),  # validated, and reported
    ],
)
def test_content_decides_where_a_file_goes(tmp_path, name, body, to, expected):
    path = tmp_path / name
    path.write_bytes(body)
    assert keys(plan(path, to=to)) == expected


@pytest.mark.parametrize("options", [{"to": "nothing"}, {"prefix": "nothing/"}])
def test_an_unknown_destination_names_those_that_exist(options):
    with pytest.raises((CommandError, ValueError), match="reads"):
        plan(**options)


RUN = {
    "RunInfo.xml": b"<RunInfo/>",
    "SampleSheet.csv": b"",
    "InterOp/C1.1/QMetricsOut.bin": b"",
    "Data/Intensities/s_1.bcl": b"1",
    "Analysis/1/Data/BCLConvert/fastq/S1_S1_L001_R1_001.fastq.gz": FASTQ,
    "Analysis/1/Data/BCLConvert/fastq/Reports/RunInfo.xml": b"",
    "Analysis/1/CopyComplete.txt": b"",
    "CopyComplete.txt": b"",
    "RTAComplete.txt": b"",
}


def test_a_run_folder_goes_to_runs_with_everything_in_it_early_files_first_and_its_markers_last(tmp_path):
    folder = write(tmp_path / "20260101_LH00130_0003_B223YTFLT3", RUN)
    names = [key.removeprefix(f"runs/{folder.name}/") for key in keys(plan(folder))]
    assert sorted(names) == sorted(RUN)
    assert {"RunInfo.xml", "SampleSheet.csv", "InterOp/C1.1/QMetricsOut.bin"} < set(names[:5])
    assert names[-3] == "Analysis/1/CopyComplete.txt"  # of an inner folder: before those of the run
    assert set(names[-2:]) == {"CopyComplete.txt", "RTAComplete.txt"}


@pytest.mark.parametrize("named", [".", "Data", "Data/Intensities/s_1.bcl", ".."])
def test_the_key_of_a_file_of_a_run_is_the_same_whatever_path_is_named(tmp_path, named, monkeypatch):
    folder = write(tmp_path / "run", RUN)
    monkeypatch.chdir(folder)
    assert "runs/run/Data/Intensities/s_1.bcl" in keys(plan(type(folder)(named)))


def test_a_folder_of_runs_and_other_files(tmp_path):
    write(tmp_path / "data/run1", {"RunInfo.xml": b"", "Data/x": b""})
    write(tmp_path / "data/ont/sample/fc1", {"pod5/a.pod5": b"", "final_summary_FC_1.txt": b""})
    write(tmp_path / "data/r84/1_A01", {"metadata/m.transferdone": b"", "hifi_reads/m.bam": BAM})
    write(tmp_path / "data", {"genome.fa": DNA})
    assert sorted(keys(plan(tmp_path / "data"))) == [
        "raw/data/genome.fa",
        "runs/fc1/final_summary_FC_1.txt",
        "runs/fc1/pod5/a.pod5",
        "runs/r84/1_A01/hifi_reads/m.bam",
        "runs/r84/1_A01/metadata/m.transferdone",
        "runs/run1/Data/x",
        "runs/run1/RunInfo.xml",
    ]
    assert keys(plan(tmp_path / "data/r84/1_A01"))[0] == "runs/r84/1_A01/hifi_reads/m.bam"


def test_an_unrecognised_folder_can_be_named_a_run(tmp_path):
    folder = write(tmp_path / "old run", {"x.log": b"", "y.bin": b""})
    assert keys(plan(folder)) == []
    assert keys(plan(folder, is_run=True)) == ["runs/old run/x.log", "runs/old run/y.bin"]


def test_includes_and_excludes(tmp_path):
    folder = write(tmp_path / "run", RUN)
    chosen = Selection(("*.fastq.gz", "RunInfo.xml"), ("Analysis/*/Reports/*",))
    assert keys(plan(folder, selection=chosen)) == [
        "runs/run/RunInfo.xml",
        "runs/run/Analysis/1/Data/BCLConvert/fastq/S1_S1_L001_R1_001.fastq.gz",
    ]


def list_runs(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "runs").rglob("LISTING.tsv"))


def test_folders_of_every_instrument_are_recognised_and_sent_whole(shared_data, tmp_path):
    """Empty files with the names of real run folders; names without a suffix of a folder are files."""
    for number, listing in enumerate(list_runs(shared_data)):
        with listing.open(newline="") as lines:
            names = [row["path"] for row in csv.DictReader(lines, delimiter="\t")]
        names = [name for name in names if not name.endswith("/") and not name.startswith(".")]
        folder = write(tmp_path / f"run{number}", dict.fromkeys(names, b""))
        got = keys(plan(folder))
        visible = {name for name in names if not any(part.startswith(".") for part in name.split("/"))}
        ends = {PurePosixPath(key).relative_to("runs") for key in got if key.startswith("runs/")}
        assert len(ends) == len(visible), listing
        markers = {"copycomplete.txt", "rtacomplete.txt", "rtacomplete.xml", "runuploaded.json", "uploadcompleted.json"}
        places = [place for place, key in enumerate(got) if PurePosixPath(key).name.lower() in markers]
        assert not places or min(places) >= len(got) - sum(order_of(key) == Order.LAST for key in got), listing


name = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='/\\<>:"|?*.'), min_size=1, max_size=8)


@given(names=st.lists(name, min_size=1, max_size=5), root=st.sampled_from(["D:\\runs", "\\\\nas\\share\\runs", "C:"]))
def test_windows_paths_become_keys_with_slashes(names, root):
    folder = PureWindowsPath(root)
    assert key_below("runs/x/", folder, folder.joinpath(*names)) == "runs/x/" + "/".join(names)
    assert folder_name(folder / names[0]) == names[0]


@pytest.mark.parametrize("root", ["D:\\", "\\\\nas\\share\\"])
def test_a_whole_disk_or_share_has_no_name(root):
    with pytest.raises(CommandError, match="name the folders in it"):
        folder_name(PureWindowsPath(root))


def test_on_linux_a_backslash_is_a_character_of_a_name():
    assert key_below("raw/", PurePosixPath("/a"), PurePosixPath("/a/b\\c")) == "raw/b\\c"
