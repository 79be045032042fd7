"""The weights of a checkpoint folder: shapes of tensors, and conversion of pytorch_model.bin to safetensors."""

from __future__ import annotations

import json
import pickle
import struct
from typing import TYPE_CHECKING

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError

if TYPE_CHECKING:
    from pathlib import Path

SAFETENSORS, PICKLE = "model.safetensors", "pytorch_model.bin"
# Names in checkpoints converted from TensorFlow, and the names that the model code uses.
RENAMED = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
Shapes = dict[str, tuple[int, ...]]  # by name of the tensor


def read_safetensors(folder: Path) -> bytes:
    """Return the weights as the bytes of a safetensors file; pytorch_model.bin is converted if it is the only file.

    Raise UnsuitableModelError if there are no weights, or if loading the file would run code.
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

    The file begins with the length of a JSON header (8 bytes, little-endian) and the header.
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
        # without weights_only, a pickle could run any code
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise UnsuitableModelError(
            f"{PICKLE} contains more than weights, or is damaged, so it is not opened ({reason}). If you trust it, "
            "load it with transformers where you trained it, and save it again as safetensors"
        ) from error
    named = {_rename(name): tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}
    # Copy each tensor, because safetensors refuses tensors that share memory, such as tied weights.
    return save({name: tensor.detach().contiguous().clone() for name, tensor in named.items()}, {"format": "pt"})


def _rename(name: str) -> str:
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name
