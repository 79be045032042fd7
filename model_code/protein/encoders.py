"""The three encoders: ProtT5's (no decoder), ProtBERT's, and a stack of convolutions of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
import transformers
from alphabet import BERT, OWN, T5
from cnn import SHAPE, ConvolutionEncoder
from torch import nn
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel

if TYPE_CHECKING:
    from pathlib import Path


class T5Encoder(T5EncoderModel):
    """Takes a whole T5 as well, whose other half it has no use for."""

    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [r"^decoder\.", r"^lm_head\."]


class BertEncoder(BertModel):
    """Takes a BERT of any head; has no pooler, which only a judgement of the whole protein would need."""

    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [r"^cls\.", r"^(bert\.)?pooler\.", r"position_ids$"]

    def __init__(self, config: BertConfig, add_pooling_layer: bool = False):
        super().__init__(config, add_pooling_layer=add_pooling_layer)


PRETRAINED = {T5: (T5Encoder, T5Config), BERT: (BertEncoder, BertConfig)}
NAMES = (*PRETRAINED, OWN)
BLOCKS = {T5: "T5Block", BERT: "BertLayer", OWN: "Conv1d"}
"""Class of the layers that are sharded, and whose activations are computed again, one by one."""


def empty(model: str, config: dict) -> nn.Module:
    """An encoder of that config, its weights random."""
    if model == OWN:
        return ConvolutionEncoder(config)
    network, settings = PRETRAINED[model]
    return network(settings.from_dict(config))


def pretrained(model: str, folder: Path) -> nn.Module:
    """The encoder of a checkpoint folder, in fp32 whatever it was stored in.

    A whole T5 or an encoder alone, a BERT with or without its head; safetensors or .bin, in one file or many.
    ValueError where weights are missing: random ones would train, and badly, without a word.
    """
    transformers.utils.logging.disable_progress_bar()  # a log is no terminal
    network, settings = PRETRAINED[model]
    config = settings.from_pretrained(folder)
    if config.model_type != settings.model_type:
        raise ValueError(f"the weights are of a {config.model_type}; {model} needs a {settings.model_type}")
    config.use_cache = False  # of a decoder; with checkpointed activations it would be warned of
    found, loading = network.from_pretrained(folder, config=config, dtype=torch.float32, output_loading_info=True)
    wrong = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading["mismatched_keys"])
    if wrong:
        named = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise ValueError(f"the weights are not those of a {model}: missing or of another shape: {named}")
    return found


def new(model: str, vocabulary: int) -> nn.Module:
    """The encoder of a model that has no pre-training."""
    return ConvolutionEncoder(SHAPE | {"vocab_size": vocabulary})


def described(encoder: nn.Module) -> dict:
    """Its config, as `empty` takes it."""
    return vars(encoder.config) if isinstance(encoder, ConvolutionEncoder) else encoder.config.to_dict()


def features(encoder: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(n, length, width): what the encoder says of each token."""
    found = encoder(input_ids=ids, attention_mask=mask)
    return found if isinstance(found, torch.Tensor) else found.last_hidden_state


def positions(encoder: nn.Module) -> int | None:
    """Most tokens that it can take; None where nothing but memory is the limit."""
    return getattr(encoder.config, "max_position_embeddings", None)
