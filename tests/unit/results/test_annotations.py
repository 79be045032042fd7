"""Suppression of a stream of calls gives exactly the result of the greedy rule over the whole record."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.results.annotations import Call, Suppression


@st.composite
def calls_of_a_record(draw):
    """Draw calls of one record, ordered by start. Probabilities rise, or have few values so that many are equal."""
    steps = draw(st.lists(st.integers(1, 40), max_size=60))
    rising = draw(st.booleans())
    calls, start = [], 0
    for number, step in enumerate(steps):
        start += step
        for strand in draw(st.sampled_from(["+", "-", "+-"])):
            probability = number / 100 if rising else draw(st.integers(90, 95)) / 100
            calls.append(Call("chr", start, start + 50, strand, probability))
    return calls


def stream(calls: list[Call], distance: int, waiting: int) -> list[Call]:
    suppression = Suppression(distance, waiting)
    released = [kept for call in calls for kept in suppression.add(replace(call))]
    return released + suppression.flush()


def greedy(calls: list[Call], distance: int) -> list[Call]:
    """Return the calls that the rule keeps, by a direct implementation."""
    kept: list[Call] = []
    for call in sorted(calls, key=lambda call: (-call.probability, call.start)):
        if not any(other.strand == call.strand and abs(other.start - call.start) < distance for other in kept):
            kept.append(call)
    return sorted(kept, key=lambda call: (call.start, call.strand))


def place(call: Call) -> tuple:
    return call.start, call.strand, call.probability


@given(calls_of_a_record(), st.integers(1, 90), st.sampled_from([1, 2, 5, 1000]))
def test_a_stream_keeps_the_calls_of_the_greedy_rule(calls, distance, waiting):
    kept = stream(calls, distance, waiting)
    assert [place(call) for call in kept] == [place(call) for call in greedy(calls, distance)]
    assert sum(call.windows for call in kept) == len(calls)


@given(calls_of_a_record(), st.integers(1, 90))
def test_kept_calls_are_apart_and_include_the_best(calls, distance):
    kept = stream(calls, distance, 3)
    for strand in "+-":
        starts = [call.start for call in kept if call.strand == strand]
        assert all(later - earlier >= distance for earlier, later in pairwise(starts))
        best = max((call.probability for call in calls if call.strand == strand), default=None)
        assert best is None or best in [call.probability for call in kept if call.strand == strand]


def test_memory_does_not_grow_with_the_record():
    """All windows of a long record are called, and probabilities rise and fall at short intervals."""
    suppression = Suppression(300, waiting=64)
    most = 0
    for number in range(20_000):
        suppression.add(Call("chr", 150 * number, 150 * number + 300, "+", 0.9 + (number * 7919 % 101) / 2000))
        most = max(most, len(suppression._pending))
    assert most <= 65
