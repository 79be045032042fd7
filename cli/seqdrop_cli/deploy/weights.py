"""Weights of a checkpoint folder: the shapes of its tensors, and pytorch_model.bin converted to safetensors."""

from __future__ import annotations

import json
import pickle
import struct
from typing import TYPE_CHECKING

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError

if TYPE_CHECKING:
    from pathlib import Path

SAFETENSORS, PICKLE = "model.safetensors", "pytorch_model.bin"
# Names that checkpoints from TensorFlow have.
RENAMED = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
Shapes = dict[str, tuple[int, ...]]  # by name of the tensor


def read_safetensors(folder: Path) -> bytes:
    """Return the weights as a safetensors file; pytorch_model.bin is converted where there is no other file.

    Raise UnsuitableModelError where there are no weights, or where loading the file would run code.
    """
    if (folder / SAFETENSORS).is_file():
        return (folder / SAFETENSORS).read_bytes()
    if (folder / PICKLE).is_file():
        return _convert(folder / PICKLE)
    if any(folder.glob("*.index.json")):
        raise UnsuitableModelError(
            f"the weights of {folder} are in several files; save the model again in one {SAFETENSORS}"
        )
    raise UnsuitableModelError(f"{folder} has neither {SAFETENSORS} nor {PICKLE}, so it has no weights")


def read_shapes(body: bytes) -> Shapes:
    """Return the shapes of the tensors in a safetensors file, by name. Raise UnsuitableModelError if it is damaged.

    The file begins with the length of a JSON header, 8 bytes little-endian, and the header.
    """
    try:
        (length,) = struct.unpack_from("<Q", body)
        header = json.loads(body[8 : 8 + length])
        return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsuitableModelError(f"{SAFETENSORS} is damaged: {error}") from error


def _convert(path: Path) -> bytes:
    import torch
    from safetensors.torch import save

    try:
        # weights_only: a pickle may hold anything else, and would run it
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise UnsuitableModelError(
            f"{PICKLE} holds more than weights, or is damaged, and is not opened ({reason}). If you trust it, load it "
            "with transformers where you trained it, and save it again as safetensors"
        ) from error
    named = {_rename(name): tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}
    # Tied tensors share memory, which safetensors refuses: each is copied.
    return save({name: tensor.detach().contiguous().clone() for name, tensor in named.items()}, {"format": "pt"})


def _rename(name: str) -> str:
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name
