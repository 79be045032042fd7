"""Weights of a checkpoint folder: which tensors there are, and pytorch_model.bin as safetensors."""

from __future__ import annotations

import json
import pickle
import struct
from typing import TYPE_CHECKING

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError

if TYPE_CHECKING:
    from pathlib import Path

SAFE, OLD = "model.safetensors", "pytorch_model.bin"
RENAMED = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # as TensorFlow had them


def safetensors(folder: Path) -> bytes:
    """The weights as a safetensors file; pytorch_model.bin is converted where that is all there is.

    Raises UnsuitableModelError where there are none, or where the file would run code on loading.
    """
    if (folder / SAFE).is_file():
        return (folder / SAFE).read_bytes()
    if (folder / OLD).is_file():
        return _converted(folder / OLD)
    if any(folder.glob("*.index.json")):
        raise UnsuitableModelError(f"the weights of {folder} lie in several files; save the model again in one {SAFE}")
    raise UnsuitableModelError(f"{folder} has neither {SAFE} nor {OLD}, so it has no weights")


def shapes(body: bytes) -> dict[str, tuple[int, ...]]:
    """Name → shape of the tensors in a safetensors file. Raises UnsuitableModelError for bytes that are none."""
    try:
        (length,) = struct.unpack_from("<Q", body)
        header = json.loads(body[8 : 8 + length])
        return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsuitableModelError(f"{SAFE} is damaged: {error}") from error


def _converted(path: Path) -> bytes:
    import torch
    from safetensors.torch import save

    try:
        # weights_only: a pickle may hold anything else, and would run it
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise UnsuitableModelError(
            f"{OLD} holds more than weights, or is damaged, and is not opened ({reason}). If you trust it, load it "
            "with transformers where you trained it, and save it again as safetensors"
        ) from error
    named = {_renamed(name): tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}
    whole = {name: tensor.detach().contiguous().clone() for name, tensor in named.items()}  # tied ones share memory
    return save(whole, metadata={"format": "pt"})


def _renamed(name: str) -> str:
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name
