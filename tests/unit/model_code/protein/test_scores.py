"""Q3, Q8 and the figures of each class, compared with a simple count."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import CLASSES, IGNORED
from scores import Tally, to_three

EIGHT = CLASSES["ss8"]
residues = st.lists(
    st.tuples(st.sampled_from(EIGHT), st.sampled_from(EIGHT), st.integers(0, 4), st.booleans()), min_size=1, max_size=25
)


def tally(rows: list, classes: str = EIGHT) -> Tally:
    """Return the tally of rows of one residue each: (label, call, protein, whether it is scored)."""
    counts = Tally(classes, 5)
    logits = torch.stack([torch.eye(len(classes))[classes.index(call)] for _, call, _, _ in rows])[:, None] * 5
    labels = [[classes.index(label) if is_scored else IGNORED] for label, _, _, is_scored in rows]
    counts.add(logits, torch.tensor(labels), torch.tensor([protein for _, _, protein, _ in rows]))
    return counts


@settings(max_examples=40)
@given(residues)
def test_figures_agree_with_a_count(rows):
    figures, scored = tally(rows).figures(), [row for row in rows if row[3]]
    if not scored:
        assert math.isnan(figures["q8"])
        return
    same = [row[0] == row[1] for row in scored]
    assert figures["q8"] == pytest.approx(sum(same) / len(same))
    three = [to_three(row[0]) == to_three(row[1]) for row in scored]
    assert figures["q3"] == pytest.approx(sum(three) / len(three))
    shares = []
    for protein in {row[2] for row in scored}:
        mine = [row[0] == row[1] for row in scored if row[2] == protein]
        shares.append(sum(mine) / len(mine))
    assert figures["q_per_protein"] == pytest.approx(sum(shares) / len(shares))
    for name in EIGHT:
        labelled, calls = ([row for row in scored if row[place] == name] for place in (0, 1))
        right = sum(row[0] == row[1] for row in labelled)
        assert figures[f"residues_{name}"] == len(labelled)
        assert figures[f"recall_{name}"] == pytest.approx(right / len(labelled) if labelled else math.nan, nan_ok=True)
        precision = right / len(calls) if calls else math.nan
        assert figures[f"precision_{name}"] == pytest.approx(precision, nan_ok=True)


@settings(max_examples=30)
@given(residues, residues)
def test_the_sums_of_parts_add_up(first, second):
    whole, left, right = tally(first + second), tally(first), tally(second)
    left.sums += right.sums
    assert left.figures() == pytest.approx(whole.figures(), nan_ok=True)


def test_eight_classes_are_reduced_to_three():
    assert "".join(to_three(name) for name in EIGHT) == "HHHEECCC"


def test_the_loss_is_the_mean_over_scored_residues():
    logits, labels = torch.randn(2, 3, 3), torch.tensor([[0, IGNORED, 2], [1, 1, IGNORED]])
    counts = Tally("HEC", 2)
    counts.add(logits, labels, torch.tensor([0, 1]))
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
    assert counts.figures()["loss"] == pytest.approx(expected.item(), rel=1e-6)
    assert "q8" not in counts.figures()
