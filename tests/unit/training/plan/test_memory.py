"""The stored shapes and the formulas of memory, held to the true architectures on the meta device and fake tensors."""

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
    return sum(one.numel() for one in module.parameters())


def blocks(model) -> list[int]:
    return [count(one) for one in model.modules() if type(one).__name__ in fake.BLOCKS]


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
def test_what_multiplies_each_token_is_all_matrices_but_embeddings(name):
    with torch.device("meta"):
        model = MAKERS[name]()
    matrices = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear))
    pooler = 768 * 768 if name == DNABERT else 0  # once a sequence
    assert SHAPES[name].products == matrices - pooler


def test_the_chapters_twenty_bytes():
    """11 billion parameters, as the chapter has it, would be 220 GB."""
    assert CHAPTER_BYTES * 11_000_000_000 == 220_000_000_000


def small(name: str, layers: int, decoder: int = 0):
    """The shape with fewer layers."""
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
    """What two layers hold less what one holds, as autograd's hooks see it. transformers 5.17 holds two bytes less of
    a score than 5.3 where weights are in bf16."""
    make, shape, adapted, score = CASES[name]
    held = fake.held(partial(make, 2), sequences, length, adapted) - fake.held(
        partial(make, 1), sequences, length, adapted
    )
    tokens = sequences * length
    work = Work(tokens, length, 1, eager=score > 0)
    one = layer_bytes(shape, work, adapted) - (7 - score if score else 0) * tokens * length * shape.heads
    assert one == pytest.approx(held, rel=0.01)


def test_activations_of_a_decoders_layer():
    make = lambda layers: partial(fake.t5, 1, "eager", layers)  # noqa: E731
    held = fake.held(make(2), 2, 264) - fake.held(make(1), 2, 264)
    work = Work(528, 264, 1)
    shapes = small(PROTT5_FULL, 1, 2), small(PROTT5_FULL, 1, 1)
    one = activations(shapes[0], work) - activations(shapes[1], work)
    assert one == pytest.approx(held, rel=0.01)


def activations(shape, work: Work, adapted: bool = False) -> int:
    spread = Distribution("lora" if adapted else "single", accumulate=2)
    found = estimate_memory(shape, spread, work, 0)
    return next(line.bytes for line in found.lines if line.name == "activations")


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


def predicted(shape, sequences, length, checkpointing, processes, eager) -> int:
    spread = Distribution("fsdp" if processes else "single", checkpointing)
    found = estimate_memory(shape, spread, Work(sequences * length, length, processes or 1, eager=eager), 0)
    return found.allocated - next(line.bytes for line in found.lines if line.name == "optimizer")


@pytest.mark.long
@pytest.mark.parametrize("name", PEAKS)
def test_the_peak_is_that_of_pytorchs_own_trackers(name):
    """Of a whole step on fake tensors, with the optimizer's states left out. Never a tenth less; not a quarter more."""
    make, shape, sequences, length, checkpointing, processes, eager = PEAKS[name]
    tracked = fake.peak(make, sequences, length, checkpointing, processes)
    ours = predicted(shape, sequences, length, checkpointing, processes, eager)
    print(f"{name}: {ours / 1e6:,.0f} MB planned, {tracked / 1e6:,.0f} tracked, {ours / tracked:.2f}")
    assert 0.9 < ours / tracked < 1.25


def test_the_whole_is_the_sum_of_named_parts():
    found = estimate_memory(SHAPES[PROTT5], Distribution("fsdp", True), Work(6000, 1025, 8), 3075)
    names = [line.name for line in found.lines]
    assert len(set(names)) == len(names)
    assert {"parameters", "optimizer", "activations", "framework"} <= set(names)
    assert found.total == sum(line.bytes for line in found.lines)
    assert found.allocated < found.total


def test_each_saver_saves():
    def total(profile, processes, checkpointing=False, offloading=False, **work):
        spread = Distribution(profile, checkpointing, offloading)
        return estimate_memory(SHAPES[PROTT5], spread, Work(6000, 1025, processes, **work), 3075).total

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
    spread = Distribution("fsdp_offload", True)
    found = estimate_memory(SHAPES[PROTT5], spread, Work(6000, 1025, 8), 3075)
    assert "optimizer" not in {line.name for line in found.lines}
    assert found.host == 16 * (SHAPES[PROTT5].parameters + 3075) // 8


def test_a_cnn_on_a_processor_needs_next_to_nothing():
    found = estimate_memory(SHAPES[CNN], Distribution(), Work(6000, 1024, 1, bf16=False, on_gpu=False), 387)
    assert found.total < 2 * 2**30
