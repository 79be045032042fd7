"""The three encoders: ProtT5's (without its decoder), ProtBERT's, and a stack of convolutions without pre-training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
import transformers
from alphabet import BERT, OWN, T5
from cnn import SHAPE, ConvolutionEncoder
from torch import nn
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel

if TYPE_CHECKING:
    from pathlib import Path


class T5Encoder(T5EncoderModel):
    """T5's encoder. It also loads the weights of a whole T5, and ignores those of the decoder."""

    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [r"^decoder\.", r"^lm_head\."]


class BertEncoder(BertModel):
    """BERT without a head or a pooler, which only a classification of whole proteins would need.

    It loads the weights of a BERT with any head.
    """

    _keys_to_ignore_on_load_unexpected: ClassVar[list[str]] = [r"^cls\.", r"^(bert\.)?pooler\.", r"position_ids$"]

    def __init__(self, config: BertConfig, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=add_pooling_layer)


PRETRAINED = {T5: (T5Encoder, T5Config), BERT: (BertEncoder, BertConfig)}
NAMES = (*PRETRAINED, OWN)
BLOCKS = {T5: "T5Block", BERT: "BertLayer", OWN: "Conv1d"}
"""Class of the layers that are sharded one by one, and whose activations are recomputed one by one."""


def make_encoder(model: str, config: dict[str, Any]) -> nn.Module:
    """Return an encoder of that config, with random weights."""
    if model == OWN:
        return ConvolutionEncoder(config)
    network, settings = PRETRAINED[model]
    return network(settings.from_dict(config))


def load_pretrained(model: str, folder: Path) -> nn.Module:
    """Return the encoder of a checkpoint folder in fp32, whatever precision it was stored in.

    The folder may contain a whole T5 or only its encoder, or a BERT with or without its head, as safetensors or .bin,
    in one file or several. Raise ValueError if weights are missing: random ones would be trained without a warning.
    """
    transformers.utils.logging.disable_progress_bar()  # progress bars are useless in a log
    network, settings = PRETRAINED[model]
    config = settings.from_pretrained(folder)
    if config.model_type != settings.model_type:
        raise ValueError(f"the weights are of a {config.model_type}; {model} needs a {settings.model_type}")
    config.use_cache = False  # for decoders only; with checkpointed activations it would cause a warning
    encoder, loading = network.from_pretrained(folder, config=config, dtype=torch.float32, output_loading_info=True)
    wrong = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading["mismatched_keys"])
    if wrong:
        names = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise ValueError(f"the weights are not those of a {model}: missing or of another shape: {names}")
    return encoder


def new_encoder(vocabulary: int) -> nn.Module:
    """Return the encoder of the model without pre-training, for a vocabulary of that size."""
    return ConvolutionEncoder(SHAPE | {"vocab_size": vocabulary})


def to_config(encoder: nn.Module) -> dict[str, Any]:
    """Return an encoder's config, in the form that `make_encoder` accepts."""
    return vars(encoder.config) if isinstance(encoder, ConvolutionEncoder) else encoder.config.to_dict()


def features(encoder: nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the encoder's output for each token, (n, length, width)."""
    output = encoder(input_ids=ids, attention_mask=mask)
    return output if isinstance(output, torch.Tensor) else output.last_hidden_state


def max_positions(encoder: nn.Module) -> int | None:
    """Return the maximum tokens in an input; None if only memory limits it."""
    return getattr(encoder.config, "max_position_embeddings", None)
