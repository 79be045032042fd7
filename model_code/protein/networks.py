"""A structure model: an encoder, a head, and a description of its classes and tokens; saved and loaded as one folder.

The folder contains config.json (the encoder's, with everything else in the key `seqdrop`), model.safetensors (all
weights) and, for ProtBERT, vocab.txt.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import encoders
import heads
import numpy as np
import torch
from alphabet import Alphabet
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLASSES = {"ss3": "HEC", "ss8": "GHIBESTC"}
"""Task to its classes, one letter per class, in the order of the logits."""
IGNORED = -100
"""Label of a token that is not scored."""
TOKENS_A_PASS = 16_384
"""Maximum tokens in one forward pass of `probabilities`, including padding."""


@dataclass(frozen=True)
class Description:
    """The key `seqdrop` of config.json. Raises ValueError for an unknown model or task, and for a window below 1."""

    model: str
    """prott5, protbert or cnn."""
    task: str
    """ss3 or ss8."""
    classes: str
    """One letter per class, in the order of the logits."""
    head: str
    """linear or cnn."""
    window: int
    """Maximum residues in an input during training."""
    alphabet: Alphabet

    def __post_init__(self) -> None:
        if self.model not in encoders.NAMES:
            raise ValueError(f"model is {self.model!r}; it must be one of {', '.join(encoders.NAMES)}")
        if self.task not in CLASSES:
            raise ValueError(f"task is {self.task!r}; it must be one of {', '.join(CLASSES)}")
        if self.window < 1:
            raise ValueError(f"window is {self.window}; it must be at least 1")

    def to_json(self) -> dict[str, Any]:
        """Return the content of the key."""
        return asdict(self) | {"alphabet": self.alphabet.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Description:
        """Return the description of the content of the key."""
        return cls(**(value | {"alphabet": Alphabet.from_json(value["alphabet"])}))


class StructureModel(nn.Module):
    """A model of the secondary structure at each residue of a protein."""

    def __init__(self, encoder: nn.Module, head: nn.Module, description: Description) -> None:
        super().__init__()
        self.encoder, self.head, self.description = encoder, head, description
        residue = torch.zeros(description.alphabet.size, dtype=torch.bool)
        residue[description.alphabet.residue_ids()] = True
        self.register_buffer("residue", residue, persistent=False)
        self.frozen = self.offload_activations = False

    @property
    def classes(self) -> str:
        """One letter per class, in the order of the probabilities."""
        return self.description.classes

    @property
    def longest(self) -> int:
        """Maximum residues in a protein, or in a window of one."""
        most, frame = encoders.max_positions(self.encoder), self.description.alphabet.frame
        return self.description.window if most is None else min(self.description.window, most - frame)

    def freeze_encoder(self) -> None:
        """Train the head only. The encoder keeps its weights and runs without dropout."""
        self.encoder.requires_grad_(False)
        self.frozen = True

    def train(self, mode: bool = True) -> StructureModel:
        """Set training or evaluation mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **_: object,
    ) -> dict[str, torch.Tensor]:
        """Return the logits of every token and, with labels, the loss.

        The loss is the sum over the scored residues divided by `num_items_in_batch`, their number in the whole step
        (None: in this batch). So the gradient of a step does not depend on its division into micro-batches and
        processes.
        """
        logits = self.logits(input_ids, attention_mask)
        if labels is None:
            return {"logits": logits}
        flat, targets = logits.flatten(0, 1), labels.flatten()
        total = nn.functional.cross_entropy(flat, targets, ignore_index=IGNORED, reduction="sum")
        scored = (targets != IGNORED).sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        return {"loss": total / scored, "logits": logits}

    def logits(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return fp32 logits, (n, length, classes)."""
        features = self.features(input_ids, attention_mask)
        if isinstance(self.head, heads.LinearHead):
            return self.head(features).float()
        present = self.residue[input_ids][..., None].to(features.dtype)
        return self.head(features * present, present).float()

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the encoder's output for each token, (n, length, width)."""
        with contextlib.ExitStack() as stack:
            if self.frozen:
                stack.enter_context(torch.no_grad())
            elif self.offload_activations and self.training:
                is_cuda = input_ids.device.type == "cuda"
                stack.enter_context(torch.autograd.graph.save_on_cpu(pin_memory=is_cuda))
            return encoders.features(self.encoder, input_ids, attention_mask)

    @torch.inference_mode()
    def probabilities(self, sequences: Sequence[str]) -> list[np.ndarray]:
        """Return the class probabilities of each sequence in order, float32 (residues, classes).

        Raise ValueError for a sequence longer than `longest`.
        """
        for number, sequence in enumerate(sequences):
            if len(sequence) > self.longest:
                raise ValueError(f"sequence {number} has {len(sequence)} residues; the model takes {self.longest}")
        self.eval()
        result: list[np.ndarray] = [np.empty((0, len(self.classes)), np.float32)] * len(sequences)
        offset, device = self.description.alphabet.offset, self.residue.device
        for indices in split_passes([len(sequence) for sequence in sequences], TOKENS_A_PASS):
            ids, mask = self.inputs([sequences[index] for index in indices])
            outputs = self.logits(ids.to(device), mask.to(device)).softmax(-1).cpu().numpy()
            for index, output in zip(indices, outputs, strict=True):
                result[index] = output[offset : offset + len(sequences[index])].copy()
        return result

    def inputs(self, sequences: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (ids, attention mask), both int64 (n, length), padded to the longest sequence."""
        rows = [torch.from_numpy(self.description.alphabet.ids(sequence)) for sequence in sequences]
        lengths = torch.tensor([len(row) for row in rows])
        ids = pad_sequence(rows, batch_first=True, padding_value=self.description.alphabet.pad)
        return ids, (torch.arange(ids.shape[1]) < lengths[:, None]).long()


def split_passes(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield the indices of the sequences of each forward pass, the longest first. Empty sequences are in none.

    A pass has at most `most` residues, including padding, or consists of a single longer sequence.
    """
    order = sorted((index for index, length in enumerate(lengths) if length), key=lambda index: -lengths[index])
    while order:
        count = max(1, most // lengths[order[0]])
        yield order[:count]
        order = order[count:]


def new_model(encoder: nn.Module, description: Description) -> StructureModel:
    """Return a model whose head is not trained yet."""
    head = heads.make_head(description.head, encoder.config.hidden_size, len(description.classes))
    return StructureModel(encoder, head, description)


def save(model: StructureModel, folder: Path | str, state: dict[str, torch.Tensor] | None = None) -> None:
    """Write the model folder. `state` has the weights if `model` itself does not (a sharded model)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = encoders.to_config(model.encoder) | {"seqdrop": model.description.to_json()}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    state = model.state_dict() if state is None else state
    names = [name for name, _ in model.named_parameters()]  # one name for tied weights
    save_file({name: state[name].detach().cpu().contiguous() for name in names}, folder / "model.safetensors")


def load(folder: Path | str, device: torch.device | str = "cpu") -> StructureModel:
    """Return the model of a folder that `save` wrote, in evaluation mode: bf16 on a GPU that supports it, else fp32.

    Raise ValueError for an invalid folder, and for a layer without weights: they would be random, and the model would
    still return predictions.
    """
    folder, device = Path(folder), torch.device(device)
    config = json.loads((folder / "config.json").read_text())
    if "seqdrop" not in config:
        raise ValueError(
            "config.json has no key seqdrop: this folder was not written by train.py of model_code/protein"
        )
    description = Description.from_json(config.pop("seqdrop"))
    model = new_model(encoders.make_encoder(description.model, config), description)
    _load_weights(model, load_file(folder / "model.safetensors"))
    is_half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return model.to(device, torch.bfloat16 if is_half else torch.float32).eval()


def _load_weights(model: StructureModel, weights: dict[str, torch.Tensor]) -> None:
    expected = {name: parameter.shape for name, parameter in model.named_parameters()}
    shapes = {name: weight.shape for name, weight in weights.items()}
    if shapes != expected:
        wrong = sorted(name for name in expected.keys() | shapes if expected.get(name) != shapes.get(name))
        raise ValueError(f"model.safetensors does not match this config.json: {', '.join(wrong[:3])}")
    model.load_state_dict(weights, strict=False)  # not strict, because only one name of tied weights is stored
