"""Tokens: the ids of a sequence are those that the Hugging Face tokenizer gives for its k-mers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from common.checkpoints import read_vocabulary
from hypothesis import given
from hypothesis import strategies as st
from tokens import SPECIALS, KmerTokens, encode_bases, reverse_complement

CHARACTERS = "ACGTacgtNRYSWKMBDHVUun*.-"


def vocabulary(k: int, order: str = "ATCG") -> dict[str, int]:
    kmers = ["".join(kmer) for kmer in itertools.product(order, repeat=k)]
    return {token: number for number, token in enumerate([*SPECIALS, *kmers])}


@pytest.fixture(scope="module")
def hf_tokenizers(hf_tokenizer):
    """The Hugging Face tokenizer for each k."""
    return {k: hf_tokenizer(vocabulary(k)) for k in range(3, 7)}


OURS = {k: KmerTokens(vocabulary(k)) for k in range(3, 7)}


@given(k=st.sampled_from([3, 4, 5, 6]), sequence=st.text(CHARACTERS, max_size=80))
def test_ids_equal_the_hugging_face_tokenizer(hf_tokenizers, k, sequence):
    dna = sequence.upper().replace("U", "T")
    kmers = [dna[i : i + k] for i in range(len(sequence) - k + 1)]
    spelled = " ".join(kmer if not kmer.strip("ACGT") else "[MASK]" for kmer in kmers)
    ours = OURS[k].kmer_ids(encode_bases(sequence.encode()))
    assert OURS[k].add_frame(ours[None])[0].tolist() == hf_tokenizers[k](spelled)["input_ids"]


@given(sequence=st.text("ACGT", min_size=3, max_size=40), order=st.permutations("ACGT"))
def test_the_order_of_vocab_txt_is_kept(tmp_path_factory, sequence, order):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    known = vocabulary(3, "".join(order))
    path.write_text("\n".join(known) + "\n")
    ids = KmerTokens.from_file(path).kmer_ids(encode_bases(sequence.encode()))
    assert ids.tolist() == [known[sequence[i : i + 3]] for i in range(len(sequence) - 2)]


def test_dnabert_counts_in_a_t_c_g_order():
    ids = OURS[6].kmer_ids(encode_bases(b"AAAAAATC"))
    assert ids.tolist() == [5, 6, 5 + 1 * 4 + 2]
    assert len(OURS[6].vocabulary) == 4101


@given(st.text(CHARACTERS, max_size=60))
def test_reverse_complement(sequence):
    pairs = str.maketrans("ACGT", "TGCA")
    plain = "".join(c if c in "ACGT" else "N" for c in sequence.upper().replace("U", "T"))
    complement = reverse_complement(encode_bases(sequence.encode()))
    assert complement.tolist() == encode_bases(plain.translate(pairs)[::-1].encode()).tolist()
    assert reverse_complement(complement).tolist() == encode_bases(sequence.encode()).tolist()


@pytest.mark.parametrize("bases", range(6))
def test_fewer_bases_than_k_have_no_token(bases):
    assert OURS[6].kmer_ids(np.zeros(bases, np.uint8)).tolist() == []


def test_windows_line_ends_are_not_part_of_the_vocabulary(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes("\r\n".join(vocabulary(3)).encode())
    assert read_vocabulary(path) == vocabulary(3)


def test_a_kmer_that_vocab_txt_lacks_is_unknown():
    known = {token: number for token, number in vocabulary(3).items() if token != "CAT"}
    ids = KmerTokens(known).kmer_ids(encode_bases(b"CATA"))
    assert ids.tolist() == [known["[UNK]"], known["ATA"]]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"ACG": 0}, "lacks"),
        ({token: i for i, token in enumerate(SPECIALS)}, "one length"),
        ({token: i for i, token in enumerate([*SPECIALS, "ACG", "ACGT"])}, r"\[3, 4\]"),
    ],
    ids=["no specials", "no k-mers", "two lengths"],
)
def test_an_invalid_vocabulary_is_refused(known, message):
    with pytest.raises(ValueError, match=message):
        KmerTokens(known)
