"""bigWig files, read with pybigtools and pyBigWig: values, sequences, and the summaries that browsers show."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING

import pybigtools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seqdrop.results import bigwig_index
from seqdrop.results.bigwig import BigWigError, Entry, write_bigwig_file

from tests.support.examples import share

if TYPE_CHECKING:
    from pathlib import Path

pyBigWig = pytest.importorskip("pyBigWig")

relaxed = settings(
    max_examples=share(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def as_float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


@st.composite
def tracks(draw):
    """Draw ({record: length}, entries): dense, sparse and constant records, with gaps or without."""
    lengths, entries = {}, []
    for name in sorted(draw(st.lists(st.text("ac1|/.é", min_size=1, max_size=8), min_size=1, max_size=4, unique=True))):
        at = draw(st.integers(0, 700))
        widest, gap = draw(st.sampled_from([(3, 0), (40, 90), (900, 2_000), (30_000, 5)]))
        generator = random.Random(draw(st.integers(0, 99)))
        for _ in range(draw(st.integers(1, 300))):
            end = at + generator.randint(1, widest)
            entries.append((name, at, end, generator.choice([0.0, 0.25, 0.5, generator.random()])))
            at = end + generator.randint(0, gap)
        lengths[name] = entries[-1][2] + draw(st.integers(0, 10))
    return lengths, entries


def summarize(entries: list[Entry], name: str, start: int, end: int) -> dict[str, float]:
    """Return the figures of the values between two positions of a record."""
    parts = [
        (min(end, last) - max(start, first), as_float32(value))
        for record, first, last, value in entries
        if record == name and first < end and last > start
    ]
    return {
        "bases_covered": sum(bases for bases, _ in parts),
        "min_val": min(value for _, value in parts),
        "max_val": max(value for _, value in parts),
        "sum": sum(bases * value for bases, value in parts),
        "sum_squares": sum(bases * value * value for bases, value in parts),
    }


def check_summaries(path: Path, entries: list[Entry]) -> None:
    """Assert that each record of each level is right, and that all values are in a record of each level."""
    names = dict.fromkeys(entry[0] for entry in entries)
    with pybigtools.open(str(path)) as file:
        assert file.zooms()
        for size in file.zooms():
            for name in names:
                covered = 0
                for start, end, figures in file.zoom_records(size, name):
                    expected = summarize(entries, name, start, end)
                    assert end - start <= size
                    assert {key: figures[key] for key in expected} == pytest.approx(expected, rel=1e-5, abs=1e-9)
                    covered += figures["bases_covered"]
                assert covered == sum(end - start for record, start, end, _ in entries if record == name)


def check_values(path: Path, lengths: dict[str, int], entries: list[Entry]) -> None:
    """Assert that both libraries read the same values and sequences as were written."""
    expected = {name: [] for name in lengths}
    for name, start, end, value in entries:
        expected[name].append((start, end, as_float32(value)))
    with pybigtools.open(str(path)) as file, pyBigWig.open(str(path)) as other:
        assert file.chroms() == other.chroms() == lengths
        for name, records in expected.items():
            assert list(file.records(name)) == records == list(other.intervals(name))
        info = file.info()["summary"]
    bases = sum(end - start for _, start, end, _ in entries)
    assert info["basesCovered"] == bases
    total = math.fsum((end - start) * as_float32(value) for _, start, end, value in entries)
    assert info["sum"] == pytest.approx(total)


@relaxed
@given(tracks())
def test_values_and_summaries_are_read_as_written(tmp_path, track):
    lengths, entries = track
    path = tmp_path / "track.bw"
    write_bigwig_file(path, lengths, iter(entries))
    check_values(path, lengths, entries)
    check_summaries(path, entries)


def windows(name: str, count: int, width: int, step: int) -> list[Entry]:
    return [(name, number * step, number * step + width, number % 8 / 8) for number in range(count)]


VARIATIONS = {
    "two plasmids": windows("p1", 20, 150, 150) + windows("p2", 20, 150, 150),
    "one value": [("c", 5, 6, 0.5)],
    "one value for a long record": [("c", 0, 10_000_000, 0.5)],
    "zero only": windows("c", 1, 300, 300),
    "gaps at the edges of windows": windows("c", 400, 60, 100),
    "more than a block of summaries": windows("c", 5_000, 640, 700),
    "a last block of one entry": windows("c", 1_025, 150, 150),
    "a small record after a large one": windows("a", 3_000, 150, 150) + windows("b", 1, 10, 10),
    "many small records": [(f"n{number:04}", 0, 300, 0.5) for number in range(700)],
}


@pytest.mark.parametrize("kind", VARIATIONS)
def test_no_summary_is_lost(tmp_path, kind):
    """pyBigWig writes sum 0 to the last summary of a block, and pybigtools counts gaps."""
    entries = VARIATIONS[kind]
    lengths = {}
    for name, _, end, _ in entries:
        lengths[name] = end
    path = tmp_path / "track.bw"
    write_bigwig_file(path, lengths, iter(entries))
    check_values(path, lengths, entries)
    check_summaries(path, entries)


def test_search_trees_of_several_levels_are_read(tmp_path, monkeypatch):
    """With small nodes, a few hundred records make trees of many levels."""
    for fanout in (2, 3, 7):
        monkeypatch.setattr(bigwig_index, "FANOUT", fanout)
        for count in (1, fanout, fanout + 1, fanout**2, fanout**2 + 1, 200):
            entries = [(f"n{number:04}", 0, 5 + number, 0.5) for number in range(count)]
            lengths = {name: end for name, _, end, _ in entries}
            write_bigwig_file(tmp_path / "track.bw", lengths, iter(entries))
            check_values(tmp_path / "track.bw", lengths, entries)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [("b", 0, 10, 0.5)],
        [("a", 0, 5, 0.5), ("a", 4, 6, 0.5)],
        [("a", 5, 6, 0.5), ("a", 0, 1, 0.5)],
        [("b", 0, 1, 0.5), ("a", 0, 1, 0.5)],
        [("a", 0, 1, 0.5), ("b", 0, 1, 0.5), ("a", 2, 3, 0.5)],
        [("a", 3, 3, 0.5)],
        [("a", -1, 3, 0.5)],
    ],
)
def test_wrong_entries_raise_an_error(tmp_path, entries):
    with pytest.raises(BigWigError):
        write_bigwig_file(tmp_path / "track.bw", {"a": 10, "b": 9}, iter(entries))


def test_an_exception_of_the_source_is_raised(tmp_path):
    def broken():
        yield "a", 0, 10, 0.5
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_bigwig_file(tmp_path / "x.bw", {"a": 100}, broken())
