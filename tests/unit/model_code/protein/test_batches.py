"""Batches by tokens: no protein is lost or duplicated, and processes get equal numbers of batches."""

from __future__ import annotations

import torch
from batches import Collate, TokenBatches, make_pools
from hypothesis import given
from hypothesis import strategies as st
from networks import IGNORED, Description, new_model
from records import TrainingWindow

lengths = st.lists(st.integers(1, 400), min_size=1, max_size=80)
token_limits = st.integers(1, 2000)


@given(lengths, token_limits, st.integers(1, 5), st.integers(0, 3))
def test_processes_see_each_protein_once_per_epoch_in_equal_numbers_of_steps(sizes, most, processes, epoch):
    shares = [TokenBatches(sizes, most, 7, rank, processes) for rank in range(processes)]
    for share in shares:
        share.set_epoch(epoch)
    batches_of = [list(share) for share in shares]
    assert {len(batches) for batches in batches_of} == {len(shares[0])}
    assert sorted(place for batches in batches_of for batch in batches for place in batch) == list(range(len(sizes)))


@given(lengths, token_limits)
def test_a_batch_exceeds_the_token_limit_only_with_a_single_long_protein(sizes, most):
    for batch in TokenBatches(sizes, most, 7):
        assert len(batch) * max(sizes[place] for place in batch) <= most or len(batch) == 1


@given(lengths, token_limits)
def test_two_processes_together_see_in_a_step_the_two_batches_of_one_process(sizes, most):
    alone = list(TokenBatches(sizes, most, 7))
    first, second = (list(TokenBatches(sizes, most, 7, rank, 2)) for rank in range(2))
    both = [batch for pair in zip(first, second, strict=True) for batch in pair]
    assert [batch for batch in both if batch] == alone


@given(lengths, token_limits)
def test_epochs_differ_in_order_and_not_in_number(sizes, most):
    batches = TokenBatches(sizes, most, 7)
    counts = set()
    for epoch in range(3):
        batches.set_epoch(epoch)
        counts.add(len(list(batches)))
    assert counts == {len(batches)}


def test_epoch_and_seed_determine_the_order():
    batches, again, other = (TokenBatches([20] * 50, 100, seed) for seed in (7, 7, 8))
    first = list(batches)
    assert first == list(again) != list(other)
    batches.set_epoch(1)
    assert list(batches) != first


@given(lengths, token_limits)
def test_each_pool_but_the_last_fills_a_batch(sizes, most):
    for places, size in list(make_pools(sizes, most))[:-1]:
        assert len(places) >= size


def test_a_process_without_a_batch_gets_one_with_zero_gradients():
    import alphabet
    import encoders

    model = new_model(encoders.new_encoder(22), Description("cnn", "ss3", "HEC", "linear", 50, alphabet.own_alphabet()))
    collate = Collate(model)
    batch = collate([])
    assert batch["labels"].eq(IGNORED).all()
    loss = model(**batch, num_items_in_batch=torch.tensor(5))["loss"]
    loss.backward()
    assert loss.item() == 0
    assert all(weight.grad is not None and not weight.grad.any() for weight in model.parameters())
    two = collate([TrainingWindow(4, "MKV", "H-C"), TrainingWindow(9, "A", "E")])
    assert two["labels"].tolist() == [[0, IGNORED, 2], [1, IGNORED, IGNORED]]
    assert two["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert two["proteins"].tolist() == [4, 9]
