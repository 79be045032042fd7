"""A small BERT to train from nothing: DNABERT's vocabulary, and embeddings that begin with what is known."""

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
"""DNABERT counts its k-mers in this order of bases."""


def write_vocabulary(path: Path, k: int) -> None:
    """DNABERT's vocabulary for k: the five special tokens, then every k-mer."""
    kmers = ("".join(kmer) for kmer in itertools.product(DNABERT_ORDER, repeat=k))
    path.write_text("\n".join([*SPECIALS, *kmers]) + "\n")


@dataclass(frozen=True)
class Size:
    """How large a BERT is to be."""

    layers: int = 2
    hidden: int = 128
    heads: int = 2
    positions: int = 512
    """Most tokens in an input, [CLS] and [SEP] included."""
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.hidden % (2 * self.heads):
            raise ValueError(f"a width of {self.hidden} does not divide into {self.heads} heads of even width")


def small_bert(
    size: Size, tokens: KmerTokens, head: type[BertPreTrainedModel] = BertForSequenceClassification
) -> BertPreTrainedModel:
    """A BERT from nothing, its embeddings related."""
    config = BertConfig(
        vocab_size=len(tokens.vocabulary),
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.hidden,
        max_position_embeddings=size.positions,
        hidden_dropout_prob=size.dropout,
        attention_probs_dropout_prob=0.0,  # on a CPU it would cost the fused attention
    )
    model = head(config)
    relate_embeddings(model, tokens)
    return model


def kmer_features(tokens: KmerTokens) -> torch.Tensor:
    """(vocabulary, features): which base each k-mer has at each place, and which pairs of bases, wherever."""
    features = torch.zeros(len(tokens.vocabulary), 4 * tokens.k + 16)
    for token, number in tokens.vocabulary.items():
        if token in SPECIALS:
            continue
        codes = encode_bases(token.encode()).tolist()
        for place, code in enumerate(codes):
            features[number, 4 * place + code] = 1.0
        for first, second in itertools.pairwise(codes):
            features[number, 4 * tokens.k + 4 * first + second] += 1.0
    return features


def waves(positions: int, width: int) -> torch.Tensor:
    """(positions, width): sines and cosines of wavelengths from 2 pi to some ten thousand times that."""
    angles = torch.arange(positions)[:, None] * 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@torch.no_grad()
def relate_embeddings(model: BertPreTrainedModel, tokens: KmerTokens) -> None:
    """Let k-mers that share bases, and positions that are near, begin alike.

    Nothing else tells a small model that CGCGCG and CGCGCA have much in common, and thousands of promoters are
    too few to learn it for each pair. Both tables keep the spread that BERT starts from.
    """
    table, spread = model.bert.embeddings, model.config.initializer_range
    features = kmer_features(tokens)
    related = (features - features.mean(0)) @ torch.randn(features.shape[1], model.config.hidden_size)
    kmers = torch.tensor([number for token, number in tokens.vocabulary.items() if token not in SPECIALS])
    table.word_embeddings.weight[kmers] = related[kmers] * (spread / related[kmers].std())
    positions = waves(*table.position_embeddings.weight.shape)
    table.position_embeddings.weight.copy_(positions * (spread / positions.std()))
