"""The token of each residue, and the label at that token."""

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

T5 = alphabet.t5_alphabet(published.t5_pieces())
BERT = alphabet.bert_alphabet({token: number for number, token in enumerate(published.BERT_TOKENS)})
OWN = alphabet.own_alphabet()
LETTERS = "ACDEFGHIKLMNPQRSTVWYUZOBXJ"
alphabets = pytest.mark.parametrize("tokens", [T5, BERT, OWN], ids=["T5", "BERT", "own"])


def labelled_proteins(classes: str):
    """Generate (sequence, labels) of one protein."""
    pairs = st.tuples(st.sampled_from(LETTERS), st.sampled_from(classes + NOT_SCORED))
    return st.lists(pairs, min_size=1, max_size=60).map(lambda columns: tuple(map("".join, zip(*columns, strict=True))))


@alphabets
@given(protein=labelled_proteins(CLASSES["ss8"]))
def test_each_residue_has_one_token_and_its_own_label(tokens, protein):
    import torch

    sequence, labels = protein
    ids = tokens.ids(sequence)
    row = torch.full((len(ids) + 3,), IGNORED)  # as in a batch with a longer protein
    place_labels(row, labels, tokens, label_table(CLASSES["ss8"]))
    assert len(ids) == len(sequence) + tokens.frame
    for place, (residue, label) in enumerate(zip(sequence, labels, strict=True)):
        expected = residue if residue in alphabet.RESIDUES else "X"
        assert ids[tokens.offset + place] == tokens.residues[expected]
        label_number = IGNORED if label == NOT_SCORED else CLASSES["ss8"].index(label)
        assert row[tokens.offset + place] == label_number
    outside = [*row[: tokens.offset].tolist(), *row[tokens.offset + len(sequence) :].tolist()]
    assert set(outside) == {IGNORED}


@alphabets
@given(sequence=st.text(st.characters(max_codepoint=700), max_size=40))
def test_any_text_has_ids_without_special_tokens_inside(tokens, sequence):
    ids = tokens.ids(sequence)
    body = ids[tokens.offset : tokens.offset + len(sequence)]
    assert set(body.tolist()) <= set(tokens.residue_ids())
    assert len(ids) == len(sequence) + tokens.frame
    assert ids.max(initial=0) < tokens.size


def test_the_frame_of_each_model_surrounds_the_residues():
    assert (T5.offset, T5.frame, T5.ids("A").tolist()) == (0, 1, [3, 1])
    assert (BERT.offset, BERT.frame, BERT.ids("L").tolist()) == (1, 2, [2, 5, 3])
    assert (OWN.offset, OWN.frame, OWN.ids("A").tolist()) == (0, 0, [1])


@alphabets
def test_lower_case_is_upper_case_and_other_letters_are_x(tokens):
    assert np.array_equal(tokens.ids("acdy"), tokens.ids("ACDY"))
    assert np.array_equal(tokens.ids("UZOBJ*-é"), tokens.ids("XXXXXXXX"))


@alphabets
def test_an_alphabet_is_restored_from_its_description(tokens):
    again = alphabet.Alphabet.from_json(tokens.to_json())
    assert again.to_json() == tokens.to_json()
    assert np.array_equal(again.ids("MKUZ"), tokens.ids("MKUZ"))


def test_a_vocabulary_that_is_not_of_proteins_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lacks the residues D E F"):
        alphabet.bert_alphabet({"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "A": 3, "C": 4, "G": 5, "T": 6})
    with pytest.raises(ValueError, match="lacks </s>"):
        alphabet.t5_alphabet([piece for piece in published.t5_pieces() if piece != "</s>"])
    with pytest.raises(ValueError, match="neither spiece.model nor tokenizer.json"):
        alphabet.read_alphabet("prott5", tmp_path)


def test_a_tokenizer_json_replaces_the_sentencepiece_model(tmp_path):
    import json

    listed = {"model": {"type": "Unigram", "vocab": [[piece, 0.0] for piece in published.t5_pieces()]}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(listed))
    assert alphabet.read_alphabet("prott5", tmp_path) == T5


def test_a_tokenizer_of_another_kind_is_named(tmp_path):
    import json

    words = {"model": {"type": "WordPiece", "vocab": {"[PAD]": 0}}}
    pieces = {"model": {"type": "Unigram", "vocab": [["<pad>", 0.0]]}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(words))
    with pytest.raises(ValueError, match="is a WordPiece vocabulary; ProtT5 needs the Unigram"):
        alphabet.read_alphabet("prott5", tmp_path)
    (tmp_path / "tokenizer.json").write_text(json.dumps(pieces))
    with pytest.raises(ValueError, match="is a Unigram vocabulary; this model needs the WordPiece"):
        alphabet.read_alphabet("protbert", tmp_path)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("model", ["protbert", "prott5"])
def test_folders_that_transformers_5_saved_have_the_same_alphabet(tmp_path, checkpoints, model, lower):
    """It writes tokenizer.json, and neither vocab.txt nor spiece.model. The tokenizer itself is not used."""
    transformers = pytest.importorskip("transformers", minversion="5")
    if model == "protbert":
        tokenizer = transformers.BertTokenizer.from_pretrained(checkpoints[model], do_lower_case=lower)
    else:
        tokenizer = transformers.T5Tokenizer(vocab=[(piece, 0.0) for piece in published.t5_pieces()])
    tokenizer.save_pretrained(tmp_path)
    assert not {"vocab.txt", "spiece.model"} & {path.name for path in tmp_path.iterdir()}
    assert alphabet.read_alphabet(model, tmp_path) == (BERT if model == "protbert" else T5)


def test_a_tokenizer_that_ignored_its_vocabulary_is_refused(tmp_path):
    """`BertTokenizer(vocab_file=path)` of transformers 5 ignores the file."""
    transformers = pytest.importorskip("transformers", minversion="5")
    transformers.BertTokenizer().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="the vocabulary lacks the residues A C D"):
        alphabet.read_alphabet("protbert", tmp_path)


@given(st.lists(st.text(min_size=1, max_size=200), max_size=20))
def test_pieces_are_read_in_order(texts):
    assert sentencepiece_vocabulary.parse_model(published.spiece(texts)) == texts


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(message):
    with contextlib.suppress(ValueError):
        assert all(isinstance(piece, str) for piece in sentencepiece_vocabulary.parse_model(message))


WHOLE = published.spiece(published.t5_pieces())
LENGTH_UP_TO_X = len(published.spiece(published.t5_pieces()[:24])) - len(published.spiece([]))


@given(st.integers(0, LENGTH_UP_TO_X - 1))
def test_a_model_truncated_before_its_last_residue_is_refused(kept):
    with pytest.raises(ValueError, match="not a sentencepiece model|lacks"):
        alphabet.t5_alphabet(sentencepiece_vocabulary.parse_model(WHOLE[:kept]))


def test_a_model_truncated_within_a_piece_is_refused():
    with pytest.raises(ValueError, match="spiece.model is not a sentencepiece model"):
        sentencepiece_vocabulary.parse_model(WHOLE[:60])
