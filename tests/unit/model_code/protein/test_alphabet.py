"""Which token a residue is, and which label stands at it."""

from __future__ import annotations

import contextlib

import alphabet
import numpy as np
import pytest
import sentencepiece_vocabulary
from batches import label_table, place_labels
from hypothesis import given
from hypothesis import strategies as st
from networks import CLASSES, IGNORED
from records import NOT_SCORED

from tests.unit.model_code.protein import published

T5 = alphabet.of_t5(published.t5_pieces())
BERT = alphabet.of_bert({token: number for number, token in enumerate(published.BERT_TOKENS)})
OWN = alphabet.own()
LETTERS = "ACDEFGHIKLMNPQRSTVWYUZOBXJ"
alphabets = pytest.mark.parametrize("letters", [T5, BERT, OWN], ids=["T5", "BERT", "own"])


def scored(classes: str):
    """(sequence, labels) of one protein."""
    pairs = st.tuples(st.sampled_from(LETTERS), st.sampled_from(classes + NOT_SCORED))
    return st.lists(pairs, min_size=1, max_size=60).map(lambda found: tuple(map("".join, zip(*found, strict=True))))


@alphabets
@given(protein=scored(CLASSES["ss8"]))
def test_each_residue_has_one_token_and_its_own_label(letters, protein):
    import torch

    sequence, labels = protein
    ids = letters.ids(sequence)
    row = torch.full((len(ids) + 3,), IGNORED)  # as in a batch with a longer protein
    place_labels(row, labels, letters, label_table(CLASSES["ss8"]))
    assert len(ids) == len(sequence) + letters.frame
    for place, (residue, label) in enumerate(zip(sequence, labels, strict=True)):
        expected = residue if residue in alphabet.RESIDUES else "X"
        assert ids[letters.offset + place] == letters.residues[expected]
        wanted = IGNORED if label == NOT_SCORED else CLASSES["ss8"].index(label)
        assert row[letters.offset + place] == wanted
    outside = [*row[: letters.offset].tolist(), *row[letters.offset + len(sequence) :].tolist()]
    assert set(outside) == {IGNORED}


@alphabets
@given(sequence=st.text(st.characters(max_codepoint=700), max_size=40))
def test_any_text_has_ids_and_no_special_token_within(letters, sequence):
    ids = letters.ids(sequence)
    body = ids[letters.offset : letters.offset + len(sequence)]
    assert set(body.tolist()) <= set(letters.residue_ids())
    assert len(ids) == len(sequence) + letters.frame
    assert ids.max(initial=0) < letters.size


def test_frames():
    assert (T5.offset, T5.frame, T5.ids("A").tolist()) == (0, 1, [3, 1])
    assert (BERT.offset, BERT.frame, BERT.ids("L").tolist()) == (1, 2, [2, 5, 3])
    assert (OWN.offset, OWN.frame, OWN.ids("A").tolist()) == (0, 0, [1])


@alphabets
def test_lower_case_and_the_rare_letters(letters):
    assert np.array_equal(letters.ids("acdy"), letters.ids("ACDY"))
    assert np.array_equal(letters.ids("UZOBJ*-é"), letters.ids("XXXXXXXX"))


@alphabets
def test_a_described_alphabet_is_the_same(letters):
    again = alphabet.Alphabet.from_description(letters.described())
    assert again.described() == letters.described()
    assert np.array_equal(again.ids("MKUZ"), letters.ids("MKUZ"))


def test_a_vocabulary_of_something_else_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lacks the residues D E F"):
        alphabet.of_bert({"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "A": 3, "C": 4, "G": 5, "T": 6})
    with pytest.raises(ValueError, match="lacks </s>"):
        alphabet.of_t5([piece for piece in published.t5_pieces() if piece != "</s>"])
    with pytest.raises(ValueError, match="neither spiece.model nor tokenizer.json"):
        alphabet.of_checkpoint("prott5", tmp_path)


def test_a_tokenizer_json_instead_of_the_sentencepiece_model(tmp_path):
    import json

    listed = {"model": {"type": "Unigram", "vocab": [[piece, 0.0] for piece in published.t5_pieces()]}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(listed))
    assert alphabet.of_checkpoint("prott5", tmp_path) == T5


@given(st.lists(st.text(min_size=1, max_size=200), max_size=20))
def test_pieces_are_read_in_their_order(found):
    assert sentencepiece_vocabulary.of_model(published.spiece(found)) == found


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_pieces_or_refused(message):
    with contextlib.suppress(ValueError):
        assert all(isinstance(piece, str) for piece in sentencepiece_vocabulary.of_model(message))


WHOLE = published.spiece(published.t5_pieces())
AS_FAR_AS_X = len(published.spiece(published.t5_pieces()[:24])) - len(published.spiece([]))


@given(st.integers(0, AS_FAR_AS_X - 1))
def test_a_model_cut_off_before_its_last_residue_is_refused(kept):
    with pytest.raises(ValueError, match="no sentencepiece model|lacks"):
        alphabet.of_t5(sentencepiece_vocabulary.of_model(WHOLE[:kept]))


def test_a_model_cut_off_within_a_piece_is_refused():
    with pytest.raises(ValueError, match="spiece.model is no sentencepiece model"):
        sentencepiece_vocabulary.of_model(WHOLE[:60])
