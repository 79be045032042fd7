"""A checkpoint on its device and at its precision, run over any number of inputs in passes of bounded size."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from common.processors import device_of
from encoding import encoded
from linear import packed
from packing import Pack, packs
from tokens import KmerTokens
from transformers import BertConfig, PreTrainedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

TOKENS_A_PASS = {"cpu": 2048, "cuda": 16_384}
"""Tokens in one forward pass: so many that a CPU's matrix products are at their fastest, so few that what passes
between layers stays in its cache; on a GPU enough to fill it, and little beside its memory."""
PRECISIONS = ("auto", "fp32", "bf16", "int8")
WORTH_BF16 = 512
"""Width from which bf16 pays on a CPU; below, the matrices are too small to be what takes the time."""


@dataclass(frozen=True)
class Network:
    """A BERT of any head, and its vocabulary."""

    model: PreTrainedModel
    tokens: KmerTokens
    precision: str = "fp32"

    @property
    def most_tokens(self) -> int:
        """Longest input, [CLS] and [SEP] included, that the position embeddings cover."""
        return self.model.config.max_position_embeddings

    def packs(self, inputs: Sequence[np.ndarray]) -> Iterator[Pack]:
        """Passes for inputs of k-mer ids, whatever their lengths, [CLS] and [SEP] added; each input is in one pack."""
        device = self.model.device
        framed = [self.tokens.framed(ids[None])[0] for ids in inputs]
        return packs(framed, TOKENS_A_PASS[device.type], device)

    def hidden(self, pack: Pack, rows: torch.Tensor | None = None) -> torch.Tensor:
        """The last layer's hidden states (N, width) of a pack, or of the tokens `rows` (m,), one of each sequence."""
        dtype = torch.bfloat16 if self.precision == "int8" and cpu_has_bf16() else self.model.dtype
        return encoded(self.model.base_model, pack, dtype, rows)


def load_network(folder: Path | str, head: type[PreTrainedModel], context=None, precision: str = "") -> Network:
    """The network of a checkpoint folder: config.json, vocab.txt, model.safetensors or pytorch_model.bin.

    `precision` is one of PRECISIONS; empty takes SEQDROP_PRECISION, or "auto". ValueError says what is wrong with an
    unfit folder: a head without weights would be a random one, and answer all the same.
    """
    tokens = KmerTokens.from_file(Path(folder) / "vocab.txt")
    config = BertConfig.from_pretrained(folder)
    highest = max(tokens.vocabulary.values())
    if highest >= config.vocab_size:
        raise ValueError(f"vocab.txt counts to {highest}, config.json allows {config.vocab_size} tokens")
    model, loading = head.from_pretrained(folder, config=config, output_loading_info=True)
    if missing := sorted(loading["missing_keys"]):
        raise ValueError(f"the checkpoint was not trained for this task; it lacks {', '.join(missing)}")
    device = device_of(context)
    chosen = _chosen(precision or os.environ.get("SEQDROP_PRECISION", "auto"), device, config.hidden_size)
    return Network(_at(chosen, model.float().eval(), device), tokens, chosen)


def _chosen(wanted: str, device: str, width: int) -> str:
    if wanted not in PRECISIONS:
        raise ValueError(f"SEQDROP_PRECISION is {wanted!r}; it must be one of {', '.join(PRECISIONS)}")
    if wanted == "int8" and device != "cpu":
        raise ValueError("SEQDROP_PRECISION int8 is for CPUs; leave it to auto on a GPU")
    if wanted != "auto":
        return wanted
    fast = cpu_has_bf16() and width >= WORTH_BF16 if device == "cpu" else torch.cuda.is_bf16_supported()
    return "bf16" if fast else "fp32"


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies bf16 matrices in hardware (AVX512-BF16 or AMX; Arm's BF16 likewise)."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


def _at(precision: str, model: PreTrainedModel, device: str) -> PreTrainedModel:
    steps: dict[str, Callable[[PreTrainedModel], PreTrainedModel]] = {
        "fp32": lambda found: found,
        "bf16": lambda found: packed(found.bfloat16()) if device == "cpu" else found.bfloat16(),
        "int8": _quantized,
    }
    return steps[precision](model).to(device)


def _quantized(model: PreTrainedModel) -> PreTrainedModel:
    """Weights of the linear layers in int8, activations quantised as they come (dynamic quantisation)."""
    from torch.ao.quantization import quantize_dynamic

    if "onednn" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "onednn"  # a quarter faster than the default where the processor has VNNI
    with warnings.catch_warnings():  # deprecated for a package that the container does not have
        warnings.filterwarnings("ignore", message=".*(deprecated|quantiz)")
        return quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
