"""A checkpoint on its device and in its precision, applied to any number of inputs in passes of bounded size."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from common.processors import find_device
from encoding import encode
from linear import pack_linear_layers
from packing import Pack, make_packs
from tokens import KmerTokens
from transformers import BertConfig, PreTrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

TOKENS_A_PASS = {"cpu": 2048, "cuda": 16_384}
"""Tokens in one forward pass. On a CPU: enough for fast matrix products, few enough that the activations stay in its
cache. On a GPU: enough to fill it, and a small part of its memory."""
PRECISIONS = ("auto", "fp32", "bf16", "int8")
WORTH_BF16 = 512
"""Minimum hidden size for which bf16 is faster on a CPU. Smaller matrices do not dominate the time."""


@dataclass(frozen=True)
class Network:
    """A BERT with any head, and its vocabulary."""

    model: PreTrainedModel
    tokens: KmerTokens
    precision: str = "fp32"

    @property
    def most_tokens(self) -> int:
        """Length of the longest input that the position embeddings cover, including [CLS] and [SEP]."""
        return self.model.config.max_position_embeddings

    @property
    def layer_weights(self) -> int:
        """Number of weights in the matrices of the layers, which is what a window costs."""
        config = self.model.config
        attention, feed_forward = 4 * config.hidden_size, 2 * config.intermediate_size
        return int(config.num_hidden_layers * config.hidden_size * (attention + feed_forward))

    def packs(self, inputs: Sequence[np.ndarray]) -> Iterator[Pack]:
        """Yield a pack for each forward pass. Each input of k-mer ids is in one pack, with [CLS] and [SEP] added."""
        device = self.model.device
        framed = [self.tokens.add_frame(ids[None])[0] for ids in inputs]
        return make_packs(framed, TOKENS_A_PASS[device.type], device)

    def hidden(self, pack: Pack, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Return the last layer's hidden states of a pack, (N, width).

        With `rows` (m,), the index of one token of each sequence, return only the states of these tokens, (m, width).
        """
        dtype = torch.bfloat16 if self.precision == "int8" and cpu_has_bf16() else self.model.dtype
        return encode(self.model.base_model, pack, dtype, rows)


def load_network(
    folder: Path | str, head: type[PreTrainedModel], context: object | None = None, precision: str = ""
) -> Network:
    """Return the network of a checkpoint folder: config.json, vocab.txt, model.safetensors or pytorch_model.bin.

    `precision` is one of PRECISIONS; "" stands for SEQDROP_PRECISION, or "auto" if that is not set. Raise ValueError
    for an invalid precision or folder, and for a checkpoint without the weights of the head: they would be random, and
    the model would still return predictions.
    """
    tokens = KmerTokens.from_file(Path(folder) / "vocab.txt")
    config = BertConfig.from_pretrained(folder)  # nosec B615 # a folder in the container
    highest = max(tokens.vocabulary.values())
    if highest >= config.vocab_size:
        raise ValueError(f"vocab.txt has ids up to {highest}, but config.json allows {config.vocab_size} tokens")
    model, loading = head.from_pretrained(folder, config=config, output_loading_info=True)
    if missing := sorted(loading["missing_keys"]):
        raise ValueError(f"the checkpoint was not trained for this task; it lacks {', '.join(missing)}")
    device = find_device(context)
    selected = _select_precision(precision or os.environ.get("SEQDROP_PRECISION", "auto"), device, config.hidden_size)
    return Network(_convert(model.float().eval(), selected, device), tokens, selected)


def _select_precision(setting: str, device: str, width: int) -> str:
    if setting not in PRECISIONS:
        raise ValueError(f"SEQDROP_PRECISION is {setting!r}; it must be one of {', '.join(PRECISIONS)}")
    if setting == "int8" and device != "cpu":
        raise ValueError("SEQDROP_PRECISION int8 is for CPUs; use auto on a GPU")
    if setting != "auto":
        return setting
    is_fast = cpu_has_bf16() and width >= WORTH_BF16 if device == "cpu" else torch.cuda.is_bf16_supported()
    return "bf16" if is_fast else "fp32"


def cpu_has_bf16() -> bool:
    """Return True if the processor multiplies bf16 matrices in hardware (AVX512-BF16, AMX, or Arm's BF16)."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


def _convert(model: PreTrainedModel, precision: str, device: str) -> PreTrainedModel:
    """Return the fp32 model in a precision, on its device."""
    if precision == "int8":
        model = _quantize(model)
    elif precision == "bf16":
        model = model.bfloat16()
        if device == "cpu":
            model = pack_linear_layers(model)
    return model.to(device)


def _quantize(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model with int8 weights in its linear layers and dynamically quantised activations."""
    from torch.ao.quantization import quantize_dynamic

    if "onednn" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "onednn"  # a quarter faster than the default if the processor has VNNI
    with warnings.catch_warnings():  # deprecated in favour of a package that the container does not have
        warnings.filterwarnings("ignore", message=".*(deprecated|quantiz)")
        return quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
