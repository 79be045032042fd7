"""Collisions of barcodes, against the definition: a read that is within the allowed mismatches of both."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from seqdrop.runs.sheets.collisions import Barcode, find_collisions


def mismatches(first: str, second: str) -> int:
    return sum(left != right for left, right in zip(first, second, strict=False))


def reads_near(index: str, allowed: int) -> set[str]:
    """All reads of the index's length that are within the allowed mismatches of it."""
    return {"".join(read) for read in product("ACGT", repeat=len(index)) if mismatches("".join(read), index) <= allowed}


INDEX = st.text("ACGT", min_size=4, max_size=4)


@given(INDEX, INDEX, st.integers(0, 2), st.integers(0, 2))
def test_two_indexes_collide_if_a_read_could_be_of_both(first, second, allowed, other_allowed):
    pairs = find_collisions((Barcode("a", first, "", allowed, 1), Barcode("b", second, "", other_allowed, 1)))
    assert bool(pairs) == bool(reads_near(first, allowed) & reads_near(second, other_allowed))


BARCODES = st.builds(
    Barcode, st.sampled_from("abc"), st.text("ACGTN", max_size=5), st.text("ACGT", max_size=4), st.integers(0, 2),
    st.integers(0, 2),
)  # fmt: skip


@given(st.lists(BARCODES, max_size=7), st.booleans())
def test_each_barcode_is_reported_with_the_first_that_it_collides_with(barcodes, independent):
    def collide(left: Barcode, right: Barcode) -> bool:
        near7 = mismatches(left.i7, right.i7) <= left.mismatches + right.mismatches
        near5 = mismatches(left.i5, right.i5) <= left.mismatches2 + right.mismatches2
        if independent:
            return bool((near7 and left.i7 and right.i7) or (near5 and left.i5 and right.i5))
        return near7 and near5

    expected = []
    for late, right in enumerate(barcodes):
        firsts = [i for i, left in enumerate(barcodes[:late]) if left.sample != right.sample and collide(left, right)]
        expected += [(late, firsts[0])] if firsts else []
    assert find_collisions(tuple(barcodes), independent) == expected
