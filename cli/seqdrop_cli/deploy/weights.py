"""The weights of a checkpoint folder: shapes of tensors, and conversion of pytorch_model.bin to safetensors."""

from __future__ import annotations

import json
import pickle  # nosec B403 # only for its exception: torch loads weights alone
import struct
from typing import TYPE_CHECKING, Any

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError

if TYPE_CHECKING:
    from collections.abc import Callable
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
    return {name: tuple(entry["shape"]) for name, entry in _read_header(body)[0].items()}


def rename_tensors(body: bytes, new_name: Callable[[str], str | None]) -> bytes:
    """Return a safetensors file with other names; a tensor whose new name is None is left out.

    The order of the tensors is kept, so each stays aligned. Raise UnsuitableModelError if the file is damaged.
    """
    entries, start = _read_header(body)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts, position = [], 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        if (renamed := new_name(name)) is not None:
            first, last = entry["data_offsets"]
            header[renamed] = entry | {"data_offsets": [position, position + last - first]}
            parts.append(memoryview(body)[start + first : start + last])
            position += last - first
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])


def _read_header(body: bytes) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the entries of a safetensors file by the names of the tensors, and the position of the first tensor."""
    try:
        (length,) = struct.unpack_from("<Q", body)
        header = json.loads(body[8 : 8 + length])
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        size = len(body) - 8 - length
        for name, entry in entries.items():
            first, last = entry["data_offsets"]
            if not 0 <= first <= last <= size or not isinstance(entry["shape"], list):
                raise ValueError(f"{name} is outside the file")
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsuitableModelError(f"{SAFETENSORS} is damaged: {error}") from error
    return entries, 8 + length


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
    named = {current_name(name): tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}
    # Copy each tensor, because safetensors refuses tensors that share memory, such as tied weights.
    return save({name: tensor.detach().contiguous().clone() for name, tensor in named.items()}, {"format": "pt"})


def current_name(name: str) -> str:
    """Return the name that the model code uses for a tensor."""
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name
