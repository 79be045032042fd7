"""Suppression as a stream is the greedy rule over the whole record, to the letter."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.results.annotations import Call, Suppression


@st.composite
def called(draw):
    """Calls of one record by start; few values of probability, so that there are ties, and long rising runs."""
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
    held = Suppression(distance, waiting)
    found = [kept for call in calls for kept in held.add(replace(call))]
    return found + held.flush()


def greedy(calls: list[Call], distance: int) -> list[Call]:
    """The rule, written the plain way."""
    kept: list[Call] = []
    for call in sorted(calls, key=lambda one: (-one.probability, one.start)):
        if not any(one.strand == call.strand and abs(one.start - call.start) < distance for one in kept):
            kept.append(call)
    return sorted(kept, key=lambda one: (one.start, one.strand))


def place(call: Call) -> tuple:
    return call.start, call.strand, call.probability


@given(called(), st.integers(1, 90), st.sampled_from([1, 2, 5, 1000]))
def test_a_stream_keeps_what_the_greedy_rule_keeps(calls, distance, waiting):
    found = stream(calls, distance, waiting)
    assert [place(call) for call in found] == [place(call) for call in greedy(calls, distance)]
    assert sum(call.windows for call in found) == len(calls)


@given(called(), st.integers(1, 90))
def test_no_two_are_near_and_the_best_is_there(calls, distance):
    found = stream(calls, distance, 3)
    for strand in "+-":
        starts = [call.start for call in found if call.strand == strand]
        assert all(later - earlier >= distance for earlier, later in pairwise(starts))
        best = max((call.probability for call in calls if call.strand == strand), default=None)
        assert best is None or best in [call.probability for call in found if call.strand == strand]


def test_what_is_held_does_not_grow_with_the_record():
    """All windows of a long record are called, at values that neither rise nor fall for long."""
    held = Suppression(300, waiting=64)
    most = 0
    for number in range(20_000):
        held.add(Call("chr", 150 * number, 150 * number + 300, "+", 0.9 + (number * 7919 % 101) / 2000))
        most = max(most, len(held._held))
    assert most <= 65
