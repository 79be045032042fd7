"""The comparison of two lists as arrays, beside the same comparison with dictionaries."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.archive.claims import CLAIM, ENTRY, compare, digest, make_claim, pack_entries
from seqdrop.archive.inventory import Entry

KEYS = [f"k{number}" for number in range(6)]
CREATED = 1_000_000
CLASSES = ["DEEP_ARCHIVE", "GLACIER", "STANDARD_IA", "OTHER"]
entries = st.builds(
    Entry,
    st.sampled_from(KEYS),
    st.sampled_from("uvw"),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 5]),
    st.sampled_from([0, CREATED - 1, CREATED + 60_000]),
    st.sampled_from(CLASSES),
    st.just("e"),
)
claims = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from([0, 5]),
    st.sampled_from([CREATED - 2000, CREATED, CREATED + 1]),
    st.sampled_from(CLASSES[:3]),
    st.booleans(),
)


def agrees(claim: tuple, listed: list[Entry]) -> bool:
    _, size, moved, storage_class, bundled = claim
    if len(listed) != 1:
        return False
    (entry,) = listed
    whole = entry.is_latest and not entry.is_delete_marker and entry.storage_class == storage_class
    return whole and (bundled or entry.size == size) and entry.modified <= moved + 1000


@given(st.lists(entries, max_size=8), st.lists(claims, max_size=8))
def test_arrays_and_dictionaries_agree(listed, claimed):
    by_key = defaultdict(list)
    for entry in listed:
        by_key[entry.key].append(entry)
    due = [claim for claim in claimed if claim[2] <= CREATED]
    doubtful = {claim[0] for claim in due if not agrees(claim, by_key[claim[0]])}
    rows = np.array([make_claim("U", *claim) for claim in claimed], CLAIM)
    comparison = compare(pack_entries(listed), rows, CREATED)
    assert set(comparison.doubtful) == {digest(key) for key in doubtful}
    assert set(comparison.strays) == {digest(entry.key) for entry in listed} - {digest(claim[0]) for claim in claimed}
    bundles = {claim[0] for claim in due if claim[4]} - doubtful
    assert set(comparison.bundles) == {digest(key) for key in bundles}
    assert comparison.agreeing == sum(agrees(claim, by_key[claim[0]]) for claim in due)


def test_an_object_of_ten_million_has_a_few_bytes():
    assert (CLAIM.itemsize, ENTRY.itemsize) == (58, 26)
