"""Batches by tokens: nothing is lost or seen twice, and processes share them evenly."""

from __future__ import annotations

import torch
from batches import Collate, TokenBatches, pools
from hypothesis import given
from hypothesis import strategies as st
from networks import IGNORED, Description, new_model
from records import Piece

lengths = st.lists(st.integers(1, 400), min_size=1, max_size=80)
tokens = st.integers(1, 2000)


@given(lengths, tokens, st.integers(1, 5), st.integers(0, 3))
def test_processes_see_each_protein_once_an_epoch_in_equal_steps(found, most, processes, epoch):
    shares = [TokenBatches(found, most, 7, rank, processes) for rank in range(processes)]
    for share in shares:
        share.set_epoch(epoch)
    seen = [list(share) for share in shares]
    assert {len(batches) for batches in seen} == {len(shares[0])}
    assert sorted(place for batches in seen for batch in batches for place in batch) == list(range(len(found)))


@given(lengths, tokens)
def test_a_batch_has_no_more_tokens_than_allowed_unless_one_protein_has(found, most):
    for batch in TokenBatches(found, most, 7):
        assert len(batch) * max(found[place] for place in batch) <= most or len(batch) == 1


@given(lengths, tokens)
def test_two_processes_see_together_what_one_sees_in_two_batches(found, most):
    alone = list(TokenBatches(found, most, 7))
    first, second = (list(TokenBatches(found, most, 7, rank, 2)) for rank in range(2))
    both = [batch for pair in zip(first, second, strict=True) for batch in pair]
    assert [batch for batch in both if batch] == alone


@given(lengths, tokens)
def test_epochs_differ_in_order_not_in_number(found, most):
    batches = TokenBatches(found, most, 7)
    counts = set()
    for epoch in range(3):
        batches.set_epoch(epoch)
        counts.add(len(list(batches)))
    assert counts == {len(batches)}


def test_the_epoch_and_the_seed_decide_the_order():
    batches, again, other = (TokenBatches([20] * 50, 100, seed) for seed in (7, 7, 8))
    first = list(batches)
    assert first == list(again) != list(other)
    batches.set_epoch(1)
    assert list(batches) != first


@given(lengths, tokens)
def test_pools_fill_a_batch_or_are_alike(found, most):
    for places, size in list(pools(found, most))[:-1]:
        assert len(places) >= size


def test_a_process_without_a_batch_gets_one_that_teaches_nothing():
    import alphabet
    import encoders

    model = new_model(encoders.new("cnn", 22), Description("cnn", "ss3", "HEC", "linear", 50, alphabet.own()))
    collate = Collate(model)
    batch = collate([])
    assert batch["labels"].eq(IGNORED).all()
    loss = model(**batch, num_items_in_batch=torch.tensor(5))["loss"]
    loss.backward()
    assert loss.item() == 0
    assert all(weight.grad is not None and not weight.grad.any() for weight in model.parameters())
    two = collate([Piece(4, "MKV", "H-C"), Piece(9, "A", "E")])
    assert two["labels"].tolist() == [[0, IGNORED, 2], [1, IGNORED, IGNORED]]
    assert two["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert two["proteins"].tolist() == [4, 9]
