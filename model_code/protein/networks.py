"""A structure model: an encoder, a head, and what its classes and tokens mean. Saved and loaded as one folder.

The folder holds config.json (the encoder's, with the key `seqdrop` that says the rest), model.safetensors (all weights)
and, for ProtBERT, vocab.txt.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
"""Task to the letters of its classes, in the order of the logits."""
IGNORED = -100
"""Label of a token that is not scored."""
TOKENS_A_PASS = 16_384
"""In one forward pass of `probabilities`."""


@dataclass(frozen=True)
class Description:
    """What config.json says beside the encoder's own settings."""

    model: str
    """prott5, protbert or cnn."""
    task: str
    """ss3 or ss8."""
    classes: str
    """A letter a class, in the order of the logits."""
    head: str
    """linear or cnn."""
    window: int
    """Residues that it was trained to see at once."""
    alphabet: Alphabet

    def __post_init__(self) -> None:
        if self.model not in encoders.NAMES:
            raise ValueError(f"model is {self.model!r}; it must be one of {', '.join(encoders.NAMES)}")
        if self.task not in CLASSES:
            raise ValueError(f"task is {self.task!r}; it must be one of {', '.join(CLASSES)}")
        if self.window < 1:
            raise ValueError(f"window is {self.window}; it must be at least 1")

    def written(self) -> dict:
        return asdict(self) | {"alphabet": self.alphabet.described()}

    @classmethod
    def read(cls, found: dict) -> Description:
        return cls(**(found | {"alphabet": Alphabet.from_description(found["alphabet"])}))


class StructureModel(nn.Module):
    """Secondary structure of each residue of a protein."""

    def __init__(self, encoder: nn.Module, head: nn.Module, description: Description):
        super().__init__()
        self.encoder, self.head, self.description = encoder, head, description
        residue = torch.zeros(description.alphabet.size, dtype=torch.bool)
        residue[description.alphabet.residue_ids()] = True
        self.register_buffer("residue", residue, persistent=False)
        self.frozen = self.offload_activations = False

    @property
    def classes(self) -> str:
        """A letter a class, in the order of the probabilities."""
        return self.description.classes

    @property
    def longest(self) -> int:
        """Most residues in one protein, or window of one."""
        most, frame = encoders.positions(self.encoder), self.description.alphabet.frame
        return self.description.window if most is None else min(self.description.window, most - frame)

    def freeze_encoder(self) -> None:
        """Train the head alone; the encoder then stays as it is when it is asked, without dropout."""
        self.encoder.requires_grad_(False)
        self.frozen = True

    def train(self, mode: bool = True) -> StructureModel:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, input_ids, attention_mask, labels=None, num_items_in_batch=None, **_) -> dict:
        """Logits of every token and, with labels, the loss.

        The loss is the sum over the scored residues by `num_items_in_batch`, their number in the whole step: so what a
        step teaches does not depend on how it is spread over micro-batches and processes.
        """
        logits = self.logits(input_ids, attention_mask)
        if labels is None:
            return {"logits": logits}
        flat, wanted = logits.flatten(0, 1), labels.flatten()
        total = nn.functional.cross_entropy(flat, wanted, ignore_index=IGNORED, reduction="sum")
        scored = (wanted != IGNORED).sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        return {"loss": total / scored, "logits": logits}

    def logits(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """fp32 (n, length, classes)."""
        found = self.features(input_ids, attention_mask)
        if isinstance(self.head, heads.LinearHead):
            return self.head(found).float()
        there = self.residue[input_ids][..., None].to(found.dtype)
        return self.head(found * there, there).float()

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(n, length, width): what the encoder says of each token."""
        with contextlib.ExitStack() as stack:
            if self.frozen:
                stack.enter_context(torch.no_grad())
            elif self.offload_activations and self.training:
                pinned = input_ids.device.type == "cuda"
                stack.enter_context(torch.autograd.graph.save_on_cpu(pin_memory=pinned))
            return encoders.features(self.encoder, input_ids, attention_mask)

    @torch.inference_mode()
    def probabilities(self, sequences: Sequence[str]) -> list[np.ndarray]:
        """float32 (residues, classes) for each sequence, in order. ValueError for one longer than `longest`."""
        for number, sequence in enumerate(sequences):
            if len(sequence) > self.longest:
                raise ValueError(f"sequence {number} has {len(sequence)} residues, the model sees {self.longest}")
        self.eval()
        found: list[np.ndarray] = [np.empty((0, len(self.classes)), np.float32)] * len(sequences)
        offset, device = self.description.alphabet.offset, self.residue.device
        for places in passes([len(sequence) for sequence in sequences], TOKENS_A_PASS):
            ids, mask = self.inputs([sequences[place] for place in places])
            some = self.logits(ids.to(device), mask.to(device)).softmax(-1).cpu().numpy()
            for place, one in zip(places, some, strict=True):
                found[place] = one[offset : offset + len(sequences[place])].copy()
        return found

    def inputs(self, sequences: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(ids, attention mask), padded to the longest."""
        rows = [torch.from_numpy(self.description.alphabet.ids(sequence)) for sequence in sequences]
        lengths = torch.tensor([len(row) for row in rows])
        ids = pad_sequence(rows, batch_first=True, padding_value=self.description.alphabet.pad)
        return ids, (torch.arange(ids.shape[1]) < lengths[:, None]).long()


def passes(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of what goes through the model together, the longest first; empty sequences in none."""
    order = sorted((place for place, length in enumerate(lengths) if length), key=lambda place: -lengths[place])
    while order:
        count = max(1, most // lengths[order[0]])
        yield order[:count]
        order = order[count:]


def new_model(encoder: nn.Module, description: Description) -> StructureModel:
    """A model whose head is not trained yet."""
    head = heads.head(description.head, encoder.config.hidden_size, len(description.classes))
    return StructureModel(encoder, head, description)


def save(model: StructureModel, folder: Path | str, state: dict[str, torch.Tensor] | None = None) -> None:
    """Write the model folder; `state` is the weights where they are not in `model` itself (a sharded one)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = encoders.described(model.encoder) | {"seqdrop": model.description.written()}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    state = model.state_dict() if state is None else state
    once = [name for name, _ in model.named_parameters()]  # tied weights have one name here
    save_file({name: state[name].detach().cpu().contiguous() for name in once}, folder / "model.safetensors")


def load(folder: Path | str, device: torch.device | str = "cpu") -> StructureModel:
    """The model of a folder that `save` wrote, ready to be asked; bf16 where the device has it, fp32 on a processor.

    ValueError says what is wrong with an unfit folder: a layer without weights would be a random one, and answer.
    """
    folder, device = Path(folder), torch.device(device)
    config = json.loads((folder / "config.json").read_text())
    if "seqdrop" not in config:
        raise ValueError(
            "config.json has no key seqdrop: this folder was not written by train.py of model_code/protein"
        )
    description = Description.read(config.pop("seqdrop"))
    model = new_model(encoders.empty(description.model, config), description)
    _fill(model, load_file(folder / "model.safetensors"))
    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return model.to(device, torch.bfloat16 if half else torch.float32).eval()


def _fill(model: StructureModel, weights: dict[str, torch.Tensor]) -> None:
    wanted = {name: parameter.shape for name, parameter in model.named_parameters()}
    given = {name: weight.shape for name, weight in weights.items()}
    if given != wanted:
        odd = sorted(name for name in wanted.keys() | given if wanted.get(name) != given.get(name))
        raise ValueError(f"model.safetensors is not of this config.json: {', '.join(odd[:3])}")
    model.load_state_dict(weights, strict=False)  # the other names of tied weights are absent; all are there, as seen
