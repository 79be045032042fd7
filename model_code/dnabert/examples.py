"""Labelled sequences for training: read from CSV, FASTA or JSON Lines, checked, tokenised and collated into batches."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from common.json_lines import read_texts
from tokens import OTHER, KmerTokens, encode_bases
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Example:
    """A labelled sequence. `origin` is its file and its line or header, for messages."""

    sequence: str
    label: int
    origin: str


def read_csv(path: Path) -> Iterator[Example]:
    """Yield the examples of a CSV file with a header line: column 1 is the sequence, column 2 the label, 0 or 1.

    Raise ValueError for any other row.
    """
    with path.open(newline="") as handle:
        rows = csv.reader(handle)
        next(rows, None)
        for row in rows:
            origin = f"{path.name}, line {rows.line_num}"
            if len(row) < 2 or row[1].strip() not in ("0", "1"):
                raise ValueError(f"{origin}: expected a sequence and a label of 0 or 1")
            yield Example(row[0].strip(), int(row[1]), origin)


def read_fasta(path: Path) -> Iterator[Example]:
    """Yield the records of a FASTA file. The label is 1 if the file's name starts with "positive", else 0."""
    label = int(path.name.startswith("positive"))
    for record in re.split(r"^>", path.read_text(), flags=re.MULTILINE)[1:]:
        header, *lines = record.splitlines()
        yield Example("".join(line.strip() for line in lines), label, f"{path.name}, {header}")


def read_jsonl(path: Path) -> Iterator[Example]:
    """Yield the training records that the pipeline writes: {"id", "sequence", "label"} per line.

    Raise ValueError for any other line.
    """
    for origin, (sequence, label) in read_texts(path, "sequence", "label"):
        if label not in ("0", "1"):
            raise ValueError(f"{origin}: expected a sequence and a label of 0 or 1")
        yield Example(sequence, int(label), origin)


def find_reader(path: Path) -> Callable[[Path], Iterator[Example]] | None:
    """Return the reader of a file, or None for a file that contains no data (a README, for example)."""
    if path.suffix == ".csv":
        return read_csv
    if path.suffix == ".jsonl":
        return read_jsonl
    is_fasta = path.suffix in (".fa", ".fasta") and path.name.startswith(("positive", "negative"))
    return read_fasta if is_fasta else None


def read_examples(source: Path) -> list[Example]:
    """Return the examples of a file, or of all files of a folder in the order of their names.

    Raise ValueError if there are none.
    """
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    examples = [example for path in files if (reader := find_reader(path)) for example in reader(path)]
    if not examples:
        raise ValueError(f"{source}: there is no *.csv, *.jsonl, positive*.fa or negative*.fa that contains sequences")
    return examples


def to_items(examples: list[Example], tokens: KmerTokens, most_tokens: int) -> list[dict[str, Any]]:
    """Return the tokenised examples: {"ids": int64 tensor with [CLS] and [SEP], "label": int}.

    Raise ValueError, with the example's origin, for a sequence that is too long for the model or shorter than a k-mer.
    """
    items = []
    for example in examples:
        bases, longest = len(example.sequence), most_tokens - tokens.token_count(0)
        if not tokens.k <= bases <= longest:
            raise ValueError(f"{example.origin}: {bases} bases; the model takes {tokens.k} to {longest}")
        kmers = tokens.kmer_ids(encode_bases(example.sequence.encode()))
        items.append({"ids": torch.from_numpy(tokens.add_frame(kmers[None])[0]), "label": example.label})
    return items


def collate(items: list[dict[str, Any]], tokens: KmerTokens) -> dict[str, torch.Tensor]:
    """Return one batch, padded to its longest sequence.

    It has no attention mask if all sequences have one length, because attention is faster without a mask.
    """
    rows = [item["ids"] for item in items]
    ids = pad_sequence(rows, batch_first=True, padding_value=tokens.pad)
    batch = {"input_ids": ids, "labels": torch.tensor([item["label"] for item in items])}
    if all(len(row) == len(rows[0]) for row in rows):
        return batch
    return batch | {"attention_mask": (ids != tokens.pad).long()}


def hide_spans(
    ids: torch.Tensor, tokens: KmerTokens, share: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Return a copy of `ids` with about `share` of the k-mers masked, in spans of k.

    The bases of a shorter span could be inferred from the neighbouring k-mers. The first and the last id, [CLS] and
    [SEP], are kept.
    """
    first = torch.rand(len(ids) - 2, generator=generator) < share / tokens.k
    hidden = torch.stack([first.roll(offset) for offset in range(tokens.k)]).any(dim=0)
    inner = ids[1:-1].masked_fill(hidden, tokens.vocabulary["[MASK]"])
    return torch.cat([ids[:1], inner, ids[-1:]])


class Examples(torch.utils.data.Dataset):
    """A data set of model inputs. If `hidden_share` is over 0, spans chosen at random are masked, others in each epoch.

    The spans depend only on seed, epoch and index, so that a resumed run masks the same ones.
    """

    def __init__(self, source: Path, tokens: KmerTokens, most_tokens: int, hidden_share: float = 0.0) -> None:
        self.items = to_items(read_examples(source), tokens, most_tokens)
        self.tokens, self.hidden_share, self.draw = tokens, hidden_share, (0, 0)

    def start_epoch(self, seed: int, epoch: int) -> None:
        """Draw other masks from now on: those of this epoch."""
        self.draw = (seed, epoch)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.items[index]
        if not self.hidden_share:
            return item
        (state,) = np.random.SeedSequence([*self.draw, index]).generate_state(1)
        generator = torch.Generator().manual_seed(int(state))
        return item | {"ids": hide_spans(item["ids"], self.tokens, self.hidden_share, generator)}


IGNORED = -100
"""The label of a token that the loss ignores."""


class MaskedExamples(Examples):
    """A data set of model inputs with hidden intervals of bases; the original k-mers are the labels.

    Every k-mer that touches a hidden base is [MASK], as in masked.py. `fixed` hides the same intervals in each epoch,
    so that the losses of two epochs can be compared.
    """

    def __init__(self, source: Path, tokens: KmerTokens, most_tokens: int, share: float, fixed: bool = False) -> None:
        super().__init__(source, tokens, most_tokens)
        self.share, self.fixed = share, fixed
        self.codes = [encode_bases(example.sequence.encode()) for example in read_examples(source)]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        generator = np.random.default_rng(index if self.fixed else [*self.draw, index])
        whole, ids = self.items[index]["ids"], self.items[index]["ids"].clone()
        hidden = hide_bases(self.codes[index], self.tokens.k, self.share, generator)
        ids[1:-1] = torch.from_numpy(self.tokens.kmer_ids(hidden))
        mask = self.tokens.vocabulary["[MASK]"]
        labels = torch.where((ids == mask) & (whole != mask), whole, IGNORED)
        return {"ids": ids, "label": labels}


def hide_bases(codes: np.ndarray, k: int, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return a copy of `codes` with intervals of 1 to k bases hidden, so that they touch about `share` of the k-mers.

    At least one interval is hidden. Hidden bases have the code OTHER.
    """
    hidden = codes.copy()
    touched = k + (k + 1) / 2 - 1  # k-mers that an interval of mean width touches
    for _ in range(max(1, round(share * len(codes) / touched))):
        width = int(generator.integers(1, k + 1))
        start = int(generator.integers(0, max(1, len(codes) - width + 1)))
        hidden[start : start + width] = OTHER
    return hidden


def collate_masked(items: list[dict[str, Any]], tokens: KmerTokens) -> dict[str, torch.Tensor]:
    """Return one batch as `collate` does, with a label for each token."""
    batch = collate([item | {"label": 0} for item in items], tokens)
    labels = pad_sequence([item["label"] for item in items], batch_first=True, padding_value=IGNORED)
    return batch | {"labels": labels}
