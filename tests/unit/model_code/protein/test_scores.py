"""Q3, Q8 and the figures of each class, against counting by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import CLASSES, IGNORED
from scores import Tally, of_three

EIGHT = CLASSES["ss8"]
residues = st.lists(
    st.tuples(st.sampled_from(EIGHT), st.sampled_from(EIGHT), st.integers(0, 4), st.booleans()), min_size=1, max_size=25
)


def tally(found: list, classes: str = EIGHT) -> Tally:
    """Of rows of one residue each: (given, called, protein, whether it is scored)."""
    one = Tally(classes, 5)
    logits = torch.stack([torch.eye(len(classes))[classes.index(called)] for _, called, _, _ in found])[:, None] * 5
    labels = [[classes.index(given) if there else IGNORED] for given, _, _, there in found]
    one.add(logits, torch.tensor(labels), torch.tensor([protein for _, _, protein, _ in found]))
    return one


@settings(max_examples=40)
@given(residues)
def test_figures_are_those_of_counting(found):
    figures, scored = tally(found).figures(), [row for row in found if row[3]]
    if not scored:
        assert math.isnan(figures["q8"])
        return
    same = [row[0] == row[1] for row in scored]
    assert figures["q8"] == pytest.approx(sum(same) / len(same))
    three = [of_three(row[0]) == of_three(row[1]) for row in scored]
    assert figures["q3"] == pytest.approx(sum(three) / len(three))
    shares = []
    for protein in {row[2] for row in scored}:
        mine = [row[0] == row[1] for row in scored if row[2] == protein]
        shares.append(sum(mine) / len(mine))
    assert figures["q_per_protein"] == pytest.approx(sum(shares) / len(shares))
    for letter in EIGHT:
        given_, called = ([row for row in scored if row[place] == letter] for place in (0, 1))
        right = sum(row[0] == row[1] for row in given_)
        assert figures[f"residues_{letter}"] == len(given_)
        assert figures[f"recall_{letter}"] == pytest.approx(right / len(given_) if given_ else math.nan, nan_ok=True)
        precision = right / len(called) if called else math.nan
        assert figures[f"precision_{letter}"] == pytest.approx(precision, nan_ok=True)


@settings(max_examples=30)
@given(residues, residues)
def test_parts_add_up(first, second):
    whole, one, two = tally(first + second), tally(first), tally(second)
    one.sums += two.sums
    assert one.figures() == pytest.approx(whole.figures(), nan_ok=True)


def test_eight_classes_as_three():
    assert "".join(of_three(letter) for letter in EIGHT) == "HHHEECCC"


def test_the_loss_is_the_mean_over_scored_residues():
    logits, labels = torch.randn(2, 3, 3), torch.tensor([[0, IGNORED, 2], [1, 1, IGNORED]])
    one = Tally("HEC", 2)
    one.add(logits, labels, torch.tensor([0, 1]))
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    assert one.figures()["loss"] == pytest.approx(expected.item(), rel=1e-6)
    assert "q8" not in one.figures()
