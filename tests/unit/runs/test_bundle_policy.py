"""Small files that are no sequences are bundled by unit; every file of the run is sent exactly once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs import bundle_policy
from seqdrop.runs.bundle_policy import SMALL, is_packed, is_sequence, select, unit_of
from seqdrop.runs.files import RunFile

from tests.unit.runs.packing import NOON


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Let three files be a bundle."""
    monkeypatch.setattr(bundle_policy, "LEAST_FILES", 3)


def run_file(name: str, size: int = 4096) -> RunFile:
    return RunFile(name, size, NOON)


def stays(name: str) -> bool:
    return name.endswith("Complete.txt") or name.startswith("InterOp/")


def test_base_calls_are_bundled_and_markers_sequences_and_large_files_are_not():
    calls = [run_file(f"Data/Intensities/BaseCalls/L001/C{n}.1/s_1_1101.bcl.gz") for n in range(4)]
    others = [
        run_file("RTAComplete.txt", 44),
        run_file("InterOp/QMetricsOut.bin"),
        run_file("Data/L001/sample_S1_R1.fastq.gz"),
        run_file("Data/Intensities/BaseCalls/L001/L001_1.cbcl", SMALL),
    ]

    selection = select([*others, *calls], stays)

    assert sorted(file.name for file in selection.objects) == sorted(file.name for file in others)
    (bundle,) = selection.bundles
    assert (bundle.folder, list(bundle.files), bundle.is_full) == ("", calls, False)


def test_an_analysis_and_each_unit_have_bundles_of_their_own():
    folders = ("", "1_A01/", "1_B01/", "Analysis/1/", "Analysis/2/")
    files = [run_file(f"{folder}logs/{n}.log") for folder in folders for n in range(3)]

    selection = select(files, stays, units={"1_A01", "1_B01"})

    assert selection.objects == ()
    assert [bundle.folder for bundle in selection.bundles] == ["", "1_A01", "1_B01", "Analysis/1", "Analysis/2"]
    assert {tuple(file.name for file in bundle.files) for bundle in selection.bundles} == {
        ("logs/0.log", "logs/1.log", "logs/2.log")
    }
    assert [file.name for file in selection.bundles[1].run_files] == [f"1_A01/logs/{n}.log" for n in range(3)]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a.txt", ""),
        ("p/f1/a.txt", "p/f1"),
        ("p/f10/a.txt", ""),
        ("p/f1", ""),
        ("Analysis/12/Data/a.txt", "Analysis/12"),
        ("p/f1/Analysis/2/a.txt", "p/f1/Analysis/2"),
        ("analysis/2/a.txt", "analysis/2"),
        ("Analysis/2", ""),
        ("Analysis/x/a.txt", ""),
        ("MyAnalysis/2/a.txt", ""),
    ],
)
def test_the_innermost_unit_counts(name, unit):
    assert unit_of(name, {"p/f1", "p"} if name.startswith("p/f1/") else {"p/f1"}) == unit


@pytest.mark.parametrize(
    "name", ["a.fastq.gz", "A.FQ", "a.bam", "a.cram", "a.fastq.ora", "a.pod5", "a.fast5", "a.fa.bgz"]
)
def test_sequences_and_signals_stay_objects(name):
    assert is_sequence(name)


@pytest.mark.parametrize("name", ["a.bcl", "a.bcl.gz", "a.cbcl", "fastq", "a.txt", "fastq.d/a.log", "a.json.gz"])
def test_other_files_are_no_sequences(name):
    assert not is_sequence(name)


def test_few_files_are_no_bundle(monkeypatch):
    monkeypatch.undo()
    files = [run_file(f"{number:02}.log") for number in range(16)]
    assert [bundle.files for bundle in select(files, stays).bundles] == [tuple(files)]
    assert select(files[1:], stays).bundles == ()
    assert list(select(files[1:], stays).objects) == files[1:]


def test_a_name_that_a_tar_should_not_have_stays_an_object():
    names = ["a\\b", "c:d", "e\nf", "x\udcff", "g", "h", "i"]
    selection = select(map(run_file, names), stays)
    assert {file.name for file in selection.objects} == set(names[:4])


def test_a_bundle_is_not_bundled_again():
    names = [f"seqdrop-bundle-{n:016x}.tar{suffix}" for n in range(3) for suffix in ("", ".index.tsv")]
    assert all(map(is_packed, names))
    assert select(map(run_file, names), stays).bundles == ()


@given(
    st.dictionaries(
        st.sampled_from([f"{folder}{n}{suffix}" for folder in ("", "u/", "Analysis/1/") for n in range(9)
                         for suffix in (".log", ".fastq", "Complete.txt")]),
        st.sampled_from([0, 1, 4096, SMALL - 1, SMALL]),
    ),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_each_file_is_sent_once_within_the_bounds_and_in_any_order(sizes, most, order):
    files = [run_file(name, size) for name, size in sizes.items()]
    shuffled = list(files)
    order.shuffle(shuffled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_policy, "FULL_FILES", most)
        patch.setattr(bundle_policy, "FULL_BYTES", SMALL)
        selection = select(files, stays, {"u"})
        assert select(shuffled, stays, {"u"}) == selection

    packed = [file for bundle in selection.bundles for file in bundle.run_files]
    assert sorted([*selection.objects, *packed], key=lambda file: file.name) == sorted(
        files, key=lambda file: file.name
    )
    for bundle in selection.bundles:
        assert 3 <= len(bundle.files) <= most
        assert sum(file.size for file in bundle.files) <= SMALL
        assert len({unit_of(file.name, {"u"}) for file in bundle.run_files}) == 1


def test_growth_leaves_full_bundles_as_they_are(monkeypatch):
    monkeypatch.setattr(bundle_policy, "FULL_FILES", 4)
    files = [run_file(f"C{n:03}/s.bcl") for n in range(10)]

    first = [bundle for bundle in select(files[:9], stays).bundles if bundle.is_full]
    second = [bundle for bundle in select(files, stays).bundles if bundle.is_full]

    assert first == second
    assert [len(bundle.files) for bundle in second] == [4, 4]


def test_a_hundred_thousand_files_need_a_few_bundles():
    files = [run_file(f"L{n % 4}/C{n}/s.bcl") for n in range(100_000)]
    selection = select(files, stays)
    assert len(selection.bundles) == 10
    assert all(replace(bundle, is_full=True).files for bundle in selection.bundles)


def test_a_bundle_is_full_before_a_file_would_exceed_its_bytes(monkeypatch):
    monkeypatch.setattr(bundle_policy, "FULL_BYTES", 100)
    sizes = [40, 40, 20, 1, 60, 39, 0, 100, 0, 0]
    files = [run_file(f"{n:02}", size) for n, size in enumerate(sizes)]

    bundles = select(files, stays).bundles

    assert [[file.size for file in bundle.files] for bundle in bundles] == [[40, 40, 20], [1, 60, 39, 0], [100, 0, 0]]
    assert [bundle.is_full for bundle in bundles] == [True, True, False]
