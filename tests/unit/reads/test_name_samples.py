"""Samples of read names: independent of order and blocks, and equal hashes only if files have reads in common."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.reads.name_samples import SIZE, NameSample, from_text, to_text

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=300)


def sample(*blocks: list[int]) -> frozenset[int]:
    names = NameSample()
    for block in blocks:
        names.add(np.array(block, np.uint64))
    return names.hashes


@given(HASHES, st.integers(0, 300), st.randoms())
def test_a_sample_has_the_smallest_hashes_in_whatever_order_and_blocks(hashes, cut, random):
    assert sample(hashes) == frozenset(sorted(set(hashes))[:SIZE])
    shuffled = random.sample(hashes, len(hashes))
    assert sample(shuffled[:cut], shuffled[cut:]) == sample(hashes)


@given(HASHES.filter(bool))
def test_a_sample_is_stored_as_text_that_fits_into_metadata(hashes):
    text = to_text(sample(hashes))
    assert from_text(text) == sample(hashes)
    assert len(text) <= SIZE * 17
    assert from_text("") is None


def test_a_tenth_of_the_reads_in_common_is_seen():
    random = np.random.default_rng(1)
    for _ in range(50):
        hashes = random.integers(0, 2**64, 20_000, np.uint64)
        part = random.permutation(hashes)[:2_000]
        assert sample(hashes) & sample(part)
        assert not sample(hashes) & sample(random.integers(0, 2**64, 20_000, np.uint64))
