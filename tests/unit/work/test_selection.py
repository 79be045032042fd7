"""The records for the model: a uniform and reproducible sample, in which each record occurs exactly once."""

import json
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.config.analyses import Analysis
from seqdrop.errors import InvalidFileError
from seqdrop.kinds.plans import packaged
from seqdrop.reads.records import Record
from seqdrop.work import selection as work_selection
from seqdrop.work.items import copies_of, count_windows, pack_shards, work_items
from seqdrop.work.selection import MAX_MEMORY, Bounds, Selection, collapse_identical, describe_selection, weight

READS = packaged().by_name["reads"]
CHI_SQUARE = 149.0  # at 99 degrees of freedom, a uniform draw exceeds this once in a thousand


def analysis(max_windows: int = 10_000_000, **changes) -> Analysis:
    job = replace(READS.job, max_windows=max_windows, windows_per_item=3)
    return replace(READS, job=job, settings=replace(READS.settings, **changes))


def reads(count: int, length: int = 100) -> list[Record]:
    return [Record(number, f"r{number}", b"A" * length, b"I" * length) for number in range(1, count + 1)]


def sample(records, chosen: Analysis, memory: int = MAX_MEMORY):
    """Return the sample that an analysis draws."""
    bounds = Bounds(chosen.sampling.max_reads, chosen.job.max_windows, memory)
    return work_selection.sample(records, chosen.sampling.seed, bounds, chosen.kind.counter(chosen))


def numbers(records) -> list[int]:
    return [record.number for record in records]


def by_definition(count: int, most: int, seed: int) -> list[int]:
    """Return the numbers of the sample by the definition: sort all priorities and take the lowest."""
    source = Random(seed)
    priorities = {number: source.random() for number in range(1, count + 1)}
    return sorted(sorted(priorities, key=priorities.get)[:most])


@given(st.integers(0, 300), st.integers(1, 100), st.integers(0, 2**40))
def test_a_sample_has_the_records_with_the_lowest_priorities(count, most, seed):
    drawn = list(sample(reads(count), analysis(max_reads=most, seed=seed)))
    assert numbers(drawn) == by_definition(count, most, seed)
    assert len(drawn) == min(count, most)
    assert all(record.quality is None for record in drawn)


def test_the_sample_is_the_same_in_every_version():
    """A result can be reproduced only if every version of Python and of Seqdrop draws the same sample."""
    assert numbers(sample(reads(1000), analysis(max_reads=8))) == [41, 187, 226, 403, 584, 724, 907, 994]


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_a_larger_sample_contains_the_smaller_one(count, most, more, seed):
    small = set(numbers(sample(reads(count), analysis(max_reads=most, seed=seed))))
    assert small <= set(numbers(sample(reads(count), analysis(max_reads=most + more, seed=seed))))


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=3)), max_size=80), st.integers(1, 40))
def test_mates_stay_together(pairs, most):
    chosen = analysis(max_reads=most)
    first = [Record(n, f"a{n}", bases * 9) for n, (bases, _) in enumerate(pairs, start=1)]
    second = [Record(n, f"b{n}", bases * 7) for n, (_, bases) in enumerate(pairs, start=1)]
    assert numbers(sample(first, chosen)) == numbers(sample(second, chosen))


def test_every_record_is_equally_likely():
    """Count how often each of 100 records is in a sample of 10, over 2,000 seeds (chi-square test)."""
    taken = Counter()
    records = reads(100)
    for seed in range(2_000):
        taken.update(numbers(sample(records, analysis(max_reads=10, seed=seed))))
    assert sum((taken[number] - 200) ** 2 / 200 for number in range(1, 101)) < CHI_SQUARE


@given(st.lists(st.integers(0, 900), min_size=1, max_size=60), st.integers(1, 60), st.integers(0, 99), st.data())
def test_a_sample_that_is_cut_to_its_bounds_is_still_a_sample(lengths, most, seed, data):
    records = [Record(number, "r", b"A" * length) for number, length in enumerate(lengths, start=1)]
    memory = data.draw(st.integers(0, sum(map(weight, records))))
    windows = data.draw(st.integers(1, 80))
    try:
        drawn = list(sample(records, analysis(max_reads=most, seed=seed, max_windows=windows), memory))
    except InvalidFileError:
        assert any(weight(r) > memory or count_windows(len(r.sequence), 70, 70) > windows for r in records)
        return
    assert sum(map(weight, drawn)) <= memory
    assert sum(count_windows(len(record.sequence), 70, 70) for record in drawn) <= windows
    # The rest is a smaller sample by the same rule: the length of a record does not matter.
    assert numbers(drawn) == by_definition(len(lengths), len(drawn), seed)


bases = st.sampled_from([b"ACGT", b"acgt", b"AcGT", b"ACGU", b"", b"N", b"TTTTTTTT"])


@given(st.lists(bases, max_size=60), st.integers(0, 3000))
def test_collapsing_loses_no_read(sequences, max_memory):
    records = [Record(number, f"r{number}", sequence) for number, sequence in enumerate(sequences, start=1)]
    counted = list(collapse_identical(records, max_memory))
    assert sum(count for _, count in counted) == len(records)
    total = Counter()
    for record, count in counted:
        assert sequences[record.number - 1].upper() == record.sequence
        total[record.sequence] += count
    assert total == Counter(sequence.upper() for sequence in sequences)


@given(st.lists(bases, max_size=60))
def test_with_enough_memory_each_sequence_occurs_once_under_its_first_name(sequences):
    records = [Record(number, f"r{number}", sequence) for number, sequence in enumerate(sequences, start=1)]
    first = {sequence.upper(): number for number, sequence in reversed(list(enumerate(sequences, start=1)))}
    assert numbers(record for record, _ in collapse_identical(records)) == sorted(first.values())


def test_collapsing_keeps_within_its_memory():
    source = (Record(number, "r", b"%d" % number) for number in range(1, 1001))
    counted = collapse_identical(source, max_memory=10 * 400)
    next(counted)
    assert next(source).number < 15, "records must be yielded before more are read"


homopolymers = st.lists(st.tuples(st.sampled_from(b"ACGT"), st.integers(0, 600)), max_size=25)


@given(homopolymers, st.booleans(), st.none() | st.integers(1, 20), st.integers(0, 9))
def test_every_window_of_every_selected_record_appears_once(parts, collapse, most, seed):
    """Cut work items into windows and compare them, with their sequences, with those of the selected records."""
    records = [Record(n, f"r{n}", bytes([base]) * length) for n, (base, length) in enumerate(parts, start=1)]
    chosen = analysis(max_reads=most, seed=seed, collapse=collapse)
    selection = Selection(chosen)
    lines = [
        line
        for body, _ in pack_shards(
            work_items("U", selection.of(records), chosen.settings, chosen.job.windows_per_item), 2_000
        )
        for line in body.splitlines()
    ]
    expected, actual = Counter(), Counter()
    for number in numbers(sample(records, chosen)) if most else numbers(records):
        for start in starts(len(records[number - 1].sequence)):
            expected[records[number - 1].sequence[start : start + 70]] += 1
    for item in map(json.loads, lines):
        sequence = records[int(item["id"].split(":")[1]) - 1].sequence
        assert item["sequence"].encode() == sequence[item["start"] : item["start"] + len(item["sequence"])]
        for start in starts(len(item["sequence"])):
            actual[item["sequence"].encode()[start : start + 70]] += copies_of(item["id"])
    assert actual == expected
    assert len({json.loads(line)["id"] for line in lines}) == len(lines)
    assert selection.taken == (min(most, len(records)) if most else len(records))
    assert selection.distinct <= selection.taken


def starts(length: int) -> list[int]:
    """Return the starts of windows of 70 every 70 bases; a shorter sequence counts as one window."""
    regular = list(range(0, max(length - 70, 0) + 1, 70))
    return regular if length <= 70 or regular[-1] + 70 == length else [*regular, length - 70]


def test_records_with_too_many_windows_are_rejected_unless_sampled():
    with pytest.raises(InvalidFileError, match="too_many_windows"):
        list(Selection(analysis(max_windows=5, max_reads=None)).of(reads(3)))


def test_a_sample_that_fits_no_record_is_rejected():
    with pytest.raises(InvalidFileError, match="a single record has more windows"):
        list(sample(reads(1, length=700), analysis(max_windows=5, max_reads=9)))
    assert list(sample([], analysis(max_reads=9))) == []


def test_identical_records_count_once_as_windows():
    few = analysis(max_windows=2, max_reads=None, collapse=True)
    assert [count for _, count in Selection(few).of(reads(3))] == [3]


def test_the_description_has_the_seed_of_a_sample_and_the_distinct_records():
    plain = {"analysis": "reads", "records": 9, "taken": 9, "max_reads": None}
    assert describe_selection(analysis(max_reads=None), 9, 9, 9) == plain
    sampled = {"analysis": "reads", "records": 9, "taken": 5, "max_reads": 5, "seed": 3, "distinct": 2}
    assert describe_selection(analysis(max_reads=5, seed=3, collapse=True), 9, 5, 2) == sampled
