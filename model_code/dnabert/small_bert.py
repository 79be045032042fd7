"""A small BERT to train from scratch, with DNABERT's vocabulary and similar embeddings for similar k-mers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from tokens import SPECIALS, KmerTokens, encode_bases
from transformers import BertConfig, BertForSequenceClassification, BertPreTrainedModel

if TYPE_CHECKING:
    from pathlib import Path

DNABERT_ORDER = "ATCG"
"""The order of bases in which DNABERT counts its k-mers."""


def write_vocabulary(path: Path, k: int) -> None:
    """Write DNABERT's vocab.txt for k: the five special tokens, then every k-mer."""
    kmers = ("".join(kmer) for kmer in itertools.product(DNABERT_ORDER, repeat=k))
    path.write_text("\n".join([*SPECIALS, *kmers]) + "\n")


@dataclass(frozen=True)
class Size:
    """The size of a BERT. Raises ValueError for a width that is not a multiple of twice the number of heads."""

    layers: int = 2
    hidden: int = 128
    heads: int = 2
    positions: int = 512
    """Maximum tokens in an input, including [CLS] and [SEP]."""
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.hidden % (2 * self.heads):
            raise ValueError(
                f"a width of {self.hidden} does not divide into {self.heads} heads of even width; "
                f"use a multiple of {2 * self.heads}"
            )


def make_small_bert(
    size: Size, tokens: KmerTokens, head: type[BertPreTrainedModel] = BertForSequenceClassification
) -> BertPreTrainedModel:
    """Return a new BERT with random weights, and embeddings initialised by `relate_embeddings`."""
    config = BertConfig(
        vocab_size=len(tokens.vocabulary),
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.hidden,
        max_position_embeddings=size.positions,
        hidden_dropout_prob=size.dropout,
        attention_probs_dropout_prob=0.0,  # dropout would prevent the fused attention on a CPU
    )
    model = head(config)
    relate_embeddings(model, tokens)
    return model


def make_kmer_features(tokens: KmerTokens) -> torch.Tensor:
    """Return features of the tokens, (vocabulary, 4 * k + 16).

    They are the base at each position of a k-mer (one-hot), and the counts of pairs of adjacent bases at any position.
    """
    features = torch.zeros(len(tokens.vocabulary), 4 * tokens.k + 16)
    for token, number in tokens.vocabulary.items():
        if token in SPECIALS:
            continue
        codes = encode_bases(token.encode()).tolist()
        for position, code in enumerate(codes):
            features[number, 4 * position + code] = 1.0
        for first, second in itertools.pairwise(codes):
            features[number, 4 * tokens.k + 4 * first + second] += 1.0
    return features


def make_waves(positions: int, width: int) -> torch.Tensor:
    """Return sines and cosines of wavelengths from 2 pi to about ten thousand times that, (positions, width)."""
    angles = torch.arange(positions)[:, None] * 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@torch.no_grad()
def relate_embeddings(model: BertPreTrainedModel, tokens: KmerTokens) -> None:
    """Initialise embeddings so that k-mers that share bases, and positions that are near, are similar.

    Otherwise a small model would have to learn from data that CGCGCG and CGCGCA have much in common, and thousands of
    promoters are too few to learn it for each pair. Both tables keep the standard deviation of BERT's initialisation.
    """
    table, deviation = model.bert.embeddings, model.config.initializer_range
    features = make_kmer_features(tokens)
    related = (features - features.mean(0)) @ torch.randn(features.shape[1], model.config.hidden_size)
    kmers = torch.tensor([number for token, number in tokens.vocabulary.items() if token not in SPECIALS])
    table.word_embeddings.weight[kmers] = related[kmers] * (deviation / related[kmers].std())
    positions = make_waves(*table.position_embeddings.weight.shape)
    table.position_embeddings.weight.copy_(positions * (deviation / positions.std()))
