"""The stored shapes and the formulas of memory, compared with the real architectures on meta and fake tensors."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from seqdrop.training.distribution.distribution import Distribution
from seqdrop.training.plan.activations import Work
from seqdrop.training.plan.memory import CHAPTER_BYTES, estimate_memory
from seqdrop.training.plan.shapes import CNN, DNABERT, PROTBERT, PROTT5, PROTT5_FULL, SHAPES

from tests.unit.training.plan import fake

MAKERS = {
    PROTT5: fake.t5,
    PROTT5_FULL: partial(fake.t5, decoder=24),
    PROTBERT: fake.bert,
    DNABERT: partial(fake.bert, 12, 4101, 512, 768, pooler=True),
}


def count(module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def blocks(model) -> list[int]:
    return [count(module) for module in model.modules() if type(module).__name__ in fake.BLOCKS]


@pytest.mark.parametrize("name", MAKERS)
def test_a_stored_shape_is_that_of_the_architecture(name):
    with torch.device("meta"):
        model = MAKERS[name]()
    shape = SHAPES[name]
    assert shape.parameters == count(model)
    assert shape.block == max(blocks(model))
    assert shape.layers + shape.decoder == len(blocks(model))
    assert shape.outside == count(model) - sum(blocks(model))


@pytest.mark.parametrize("name", MAKERS)
def test_products_are_all_matrices_except_embeddings(name):
    with torch.device("meta"):
        model = MAKERS[name]()
    matrices = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear))
    pooler = 768 * 768 if name == DNABERT else 0  # once per sequence
    assert SHAPES[name].products == matrices - pooler


def test_the_chapters_twenty_bytes():
    """11 billion parameters, the chapter's example, are 220 GB."""
    assert CHAPTER_BYTES * 11_000_000_000 == 220_000_000_000


def small(name: str, layers: int, decoder: int = 0):
    """Return the shape with fewer layers."""
    shape = SHAPES[name]
    rest = shape.parameters - shape.layers * SHAPES[name].block
    if shape.family == "t5":
        rest = shape.outside + 1024  # one bias for positions, in the first block
        encoder = 50_333_696 * layers
        return replace(shape, layers=layers, decoder=decoder, parameters=rest + encoder + decoder * 67_111_936)
    return replace(shape, layers=layers, parameters=rest + layers * shape.block)


CASES = {
    "t5": (partial(fake.t5, attention="eager"), small(PROTT5, 1), False, 7),
    "t5 with lora": (partial(fake.t5, attention="eager"), small(PROTT5, 1), True, 5),
    "t5, sdpa": (partial(fake.t5, attention="sdpa"), small(PROTT5, 1), False, 0),
    "bert": (fake.bert, small(PROTBERT, 1), False, 0),
    "bert with lora": (fake.bert, small(PROTBERT, 1), True, 0),
}


@pytest.mark.parametrize(
    ("name", "sequences", "length"), [*((name, 3, 264) for name in CASES), ("t5", 2, 520), ("t5 with lora", 2, 520)]
)
def test_activations_of_a_layer_are_counted_to_the_percent(name, sequences, length):
    """Compare with the bytes that two layers keep, less those that one layer keeps, as autograd's hooks count them.

    With weights in bf16, transformers 5.17 keeps two bytes less per score than 5.3.
    """
    make, shape, adapted, score = CASES[name]
    two, one_layer = (fake.kept_bytes(partial(make, layers), sequences, length, adapted) for layers in (2, 1))
    tokens = sequences * length
    work = Work(tokens, length, 1, eager=score > 0)
    expected = layer_bytes(shape, work, adapted) - (7 - score if score else 0) * tokens * length * shape.heads
    assert expected == pytest.approx(two - one_layer, rel=0.01)


def test_activations_of_a_decoders_layer():
    make = lambda layers: partial(fake.t5, 1, "eager", layers)  # noqa: E731
    kept = fake.kept_bytes(make(2), 2, 264) - fake.kept_bytes(make(1), 2, 264)
    work = Work(528, 264, 1)
    shapes = small(PROTT5_FULL, 1, 2), small(PROTT5_FULL, 1, 1)
    expected = activations(shapes[0], work) - activations(shapes[1], work)
    assert expected == pytest.approx(kept, rel=0.01)


def activations(shape, work: Work, adapted: bool = False) -> int:
    distribution = Distribution("lora" if adapted else "single", accumulate=2)
    memory = estimate_memory(shape, distribution, work, 0)
    return next(line.bytes for line in memory.lines if line.name == "activations")


def layer_bytes(shape, work: Work, adapted: bool) -> int:
    return activations(replace(shape, layers=11), work, adapted) - activations(replace(shape, layers=10), work, adapted)


PEAKS = {
    "t5": (partial(fake.t5, 3, "eager"), small(PROTT5, 3), 2, 512, False, 0, True),
    "t5, long sequences": (partial(fake.t5, 3, "eager"), small(PROTT5, 3), 2, 1024, False, 0, True),
    "t5, checkpointing": (partial(fake.t5, 6, "eager"), small(PROTT5, 6), 4, 512, True, 0, True),
    "t5, sdpa": (partial(fake.t5, 3, "sdpa"), small(PROTT5, 3), 4, 512, False, 0, False),
    "bert": (partial(fake.bert, 6), small(PROTBERT, 6), 8, 512, False, 0, False),
    "bert, checkpointing": (partial(fake.bert, 6), small(PROTBERT, 6), 8, 512, True, 0, False),
    "t5, fsdp": (partial(fake.t5, 4, "sdpa"), small(PROTT5, 4), 2, 512, False, 4, False),
    "t5, fsdp, checkpointing": (partial(fake.t5, 8, "sdpa"), small(PROTT5, 8), 4, 512, True, 4, False),
    "bert, fsdp": (partial(fake.bert, 4), small(PROTBERT, 4), 4, 512, False, 4, False),
    "bert, fsdp, checkpointing": (partial(fake.bert, 8), small(PROTBERT, 8), 4, 512, True, 4, False),
}


def predict_peak(shape, sequences, length, checkpointing, processes, eager) -> int:
    distribution = Distribution("fsdp" if processes else "single", checkpointing)
    memory = estimate_memory(shape, distribution, Work(sequences * length, length, processes or 1, eager=eager), 0)
    return memory.allocated - next(line.bytes for line in memory.lines if line.name == "optimizer")


@pytest.mark.long
@pytest.mark.parametrize("name", PEAKS)
def test_the_peak_is_that_of_pytorchs_own_trackers(name):
    """Compare a whole step on fake tensors, without the optimizer's states: at most 10 % below, at most 25 % above."""
    make, shape, sequences, length, checkpointing, processes, eager = PEAKS[name]
    tracked = fake.peak(make, sequences, length, checkpointing, processes)
    ours = predict_peak(shape, sequences, length, checkpointing, processes, eager)
    print(f"{name}: {ours / 1e6:,.0f} MB planned, {tracked / 1e6:,.0f} tracked, {ours / tracked:.2f}")
    assert 0.9 < ours / tracked < 1.25


def test_the_total_is_the_sum_of_named_parts():
    memory = estimate_memory(SHAPES[PROTT5], Distribution("fsdp", True), Work(6000, 1025, 8), 3075)
    names = [line.name for line in memory.lines]
    assert len(set(names)) == len(names)
    assert {"parameters", "optimizer", "activations", "framework"} <= set(names)
    assert memory.total == sum(line.bytes for line in memory.lines)
    assert memory.allocated < memory.total


def test_each_option_saves_memory():
    def total(profile, processes, checkpointing=False, offloading=False, **work):
        distribution = Distribution(profile, checkpointing, offloading)
        return estimate_memory(SHAPES[PROTT5], distribution, Work(6000, 1025, processes, **work), 3075).total

    order = [
        total("ddp", 8),
        total("ddp", 8, True),
        total("fsdp", 4, True),
        total("fsdp", 8, True),
        total("fsdp", 8, True, True),
        total("fsdp_offload", 8, True, True),
    ]
    assert order == sorted(order, reverse=True)
    assert total("single", 1, frozen=True) < total("lora", 1) < total("single", 1)
    assert total("fsdp", 8, True, eager=False) < total("fsdp", 8, True)


def test_offloading_moves_states_to_the_host():
    distribution = Distribution("fsdp_offload", True)
    memory = estimate_memory(SHAPES[PROTT5], distribution, Work(6000, 1025, 8), 3075)
    assert "optimizer" not in {line.name for line in memory.lines}
    assert memory.host == 16 * (SHAPES[PROTT5].parameters + 3075) // 8


def test_a_cnn_on_a_processor_needs_little_memory():
    memory = estimate_memory(SHAPES[CNN], Distribution(), Work(6000, 1024, 1, bf16=False, on_gpu=False), 387)
    assert memory.total < 2 * 2**30
