"""What the model sees of a file: a fair sample that is the same each time, and every record of it exactly once."""

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
from seqdrop.work.selection import HELD, Selection, collapse_identical, describe_selection, weight

READS = packaged().by_name["reads"]
CHI_SQUARE = 149.0  # of 99 degrees of freedom: a fair draw exceeds it once in a thousand


def analysis(max_windows: int = 10_000_000, **use) -> Analysis:
    job = replace(READS.job, max_windows=max_windows, windows_per_item=3)
    return replace(READS, job=job, settings=replace(READS.settings, **use))


def reads(count: int, length: int = 100) -> list[Record]:
    return [Record(number, f"r{number}", b"A" * length, b"I" * length) for number in range(1, count + 1)]


def sample(records, chosen: Analysis, room: int = HELD):
    """The sample that an analysis draws."""
    return work_selection.sample(records, chosen.sampling, chosen.kind.counter(chosen), chosen.job.max_windows, room)


def numbers(records) -> list[int]:
    return [record.number for record in records]


def by_definition(count: int, most: int, seed: int) -> list[int]:
    """The records of lowest priority, the plain way: priorities of all of them, sorted."""
    source = Random(seed)
    priorities = {number: source.random() for number in range(1, count + 1)}
    return sorted(sorted(priorities, key=priorities.get)[:most])


@given(st.integers(0, 300), st.integers(1, 100), st.integers(0, 2**40))
def test_a_sample_is_the_records_of_lowest_priority(count, most, seed):
    found = list(sample(reads(count), analysis(max_reads=most, seed=seed)))
    assert numbers(found) == by_definition(count, most, seed)
    assert len(found) == min(count, most)
    assert all(record.quality is None for record in found)


def test_this_is_the_sample_for_ever():
    """A result can be made again only if no version of Python or of Seqdrop draws otherwise."""
    assert numbers(sample(reads(1000), analysis(max_reads=8))) == [41, 187, 226, 403, 584, 724, 907, 994]


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_a_larger_sample_holds_the_smaller_one(count, most, more, seed):
    small = set(numbers(sample(reads(count), analysis(max_reads=most, seed=seed))))
    assert small <= set(numbers(sample(reads(count), analysis(max_reads=most + more, seed=seed))))


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=3)), max_size=80), st.integers(1, 40))
def test_mates_stay_together(pairs, most):
    chosen = analysis(max_reads=most)
    first = [Record(n, f"a{n}", one * 9) for n, (one, _) in enumerate(pairs, start=1)]
    second = [Record(n, f"b{n}", two * 7) for n, (_, two) in enumerate(pairs, start=1)]
    assert numbers(sample(first, chosen)) == numbers(sample(second, chosen))


def test_every_record_is_as_likely():
    """2,000 seeds, 10 of 100 records each: how often each record is taken, against chance."""
    taken = Counter()
    records = reads(100)
    for seed in range(2_000):
        taken.update(numbers(sample(records, analysis(max_reads=10, seed=seed))))
    assert sum((taken[number] - 200) ** 2 / 200 for number in range(1, 101)) < CHI_SQUARE


@given(st.lists(st.integers(0, 900), min_size=1, max_size=60), st.integers(1, 60), st.integers(0, 99), st.data())
def test_a_sample_stays_within_its_bounds_and_a_sample(lengths, most, seed, data):
    records = [Record(number, "r", b"A" * length) for number, length in enumerate(lengths, start=1)]
    room = data.draw(st.integers(0, sum(map(weight, records))))
    windows = data.draw(st.integers(1, 80))
    try:
        found = list(sample(records, analysis(max_reads=most, seed=seed, max_windows=windows), room))
    except InvalidFileError:
        assert any(weight(one) > room or count_windows(len(one.sequence), 70, 70) > windows for one in records)
        return
    assert sum(map(weight, found)) <= room
    assert sum(count_windows(len(record.sequence), 70, 70) for record in found) <= windows
    # What is left is a smaller sample by the same rule: nobody is chosen by length.
    assert numbers(found) == by_definition(len(lengths), len(found), seed)


letters = st.sampled_from([b"ACGT", b"acgt", b"AcGT", b"ACGU", b"", b"N", b"TTTTTTTT"])


@given(st.lists(letters, max_size=60), st.integers(0, 3000))
def test_no_read_is_lost_when_they_collapse(sequences, room):
    records = [Record(number, f"r{number}", one) for number, one in enumerate(sequences, start=1)]
    found = list(collapse_identical(records, room))
    assert sum(count for _, count in found) == len(records)
    total = Counter()
    for record, count in found:
        assert sequences[record.number - 1].upper() == record.sequence
        total[record.sequence] += count
    assert total == Counter(one.upper() for one in sequences)


@given(st.lists(letters, max_size=60))
def test_with_room_each_sequence_is_there_once_under_its_first_name(sequences):
    records = [Record(number, f"r{number}", one) for number, one in enumerate(sequences, start=1)]
    first = {one.upper(): number for number, one in reversed(list(enumerate(sequences, start=1)))}
    assert numbers(record for record, _ in collapse_identical(records)) == sorted(first.values())


def test_what_is_held_is_bounded_by_the_room():
    source = (Record(number, "r", b"%d" % number) for number in range(1, 1001))
    found = collapse_identical(source, room=10 * 400)
    next(found)
    assert next(source).number < 15, "it hands on what it holds before it reads on"


stretches = st.lists(st.tuples(st.sampled_from(b"ACGT"), st.integers(0, 600)), max_size=25)


@given(stretches, st.booleans(), st.none() | st.integers(1, 20), st.integers(0, 9))
def test_every_window_of_every_selected_record_appears_once(parts, collapse, most, seed):
    """Work items back to windows, each with its sequence: those of the selected records, and no other."""
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
    wanted, seen = Counter(), Counter()
    for number in numbers(sample(records, chosen)) if most else numbers(records):
        for start in starts(len(records[number - 1].sequence)):
            wanted[records[number - 1].sequence[start : start + 70]] += 1
    for item in map(json.loads, lines):
        sequence = records[int(item["id"].split(":")[1]) - 1].sequence
        assert item["sequence"].encode() == sequence[item["start"] : item["start"] + len(item["sequence"])]
        for start in starts(len(item["sequence"])):
            seen[item["sequence"].encode()[start : start + 70]] += copies_of(item["id"])
    assert seen == wanted
    assert len({json.loads(line)["id"] for line in lines}) == len(lines)
    assert selection.taken == (min(most, len(records)) if most else len(records))
    assert selection.distinct <= selection.taken


def starts(length: int) -> list[int]:
    """Of windows of 70 every 70 bases; a shorter stretch counts as one."""
    regular = list(range(0, max(length - 70, 0) + 1, 70))
    return regular if length <= 70 or regular[-1] + 70 == length else [*regular, length - 70]


def test_without_a_sample_too_many_windows_are_refused():
    with pytest.raises(InvalidFileError, match="too_many_windows"):
        list(Selection(analysis(max_windows=5, max_reads=None)).of(reads(3)))


def test_a_sample_with_room_for_nothing_is_refused():
    with pytest.raises(InvalidFileError, match="a single record has more windows"):
        list(sample(reads(1, length=700), analysis(max_windows=5, max_reads=9)))
    assert list(sample([], analysis(max_reads=9))) == []


def test_copies_do_not_count_as_windows():
    few = analysis(max_windows=2, max_reads=None, collapse=True)
    assert [count for _, count in Selection(few).of(reads(3))] == [3]


def test_what_is_told_of_it():
    plain = {"analysis": "reads", "records": 9, "taken": 9, "max_reads": None}
    assert describe_selection(analysis(max_reads=None), 9, 9, 9) == plain
    told = {"analysis": "reads", "records": 9, "taken": 5, "max_reads": 5, "seed": 3, "distinct": 2}
    assert describe_selection(analysis(max_reads=5, seed=3, collapse=True), 9, 5, 2) == told
