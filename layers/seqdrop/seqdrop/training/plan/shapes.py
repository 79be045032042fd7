"""The shapes of the models, from their public configurations, so that a Lambda can plan without torch.

Unit tests compare every number with the real architecture, built on the meta device.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """The properties of a model, without its head, that a plan depends on."""

    title: str
    family: str
    """"t5", "bert" or "cnn"; it selects the formulas of memory.py."""
    parameters: int
    block: int
    """Parameters of the largest block that FSDP gathers at once (T5Block, BertLayer, Conv1d)."""
    outside: int
    """Parameters in no block: embeddings and the last norm, which FSDP gathers for the whole step."""
    layers: int
    hidden: int
    heads: int
    inner: int
    """Width of all queries of a token; keys and values have the same."""
    feed: int
    """Width of the feed-forward layer; for a cnn, the size of its kernel."""
    decoder: int = 0
    """Layers of a decoder that sees as many tokens as the encoder."""
    longest: int = 0
    """Largest number of tokens in a sequence, for which the model has positions; 0: no limit."""
    special: int = 0
    """Special tokens around a sequence."""

    @property
    def products(self) -> int:
        """Number of parameters in matrix products, which multiply every token."""
        if self.family == "cnn":
            return self.parameters - self.outside
        attention = 4 * self.hidden * self.inner
        layer = attention + 2 * self.hidden * self.feed
        return self.layers * layer + self.decoder * (layer + attention)

    def adapters(self, rank: int) -> int:
        """Return the number of parameters of LoRA, two narrow matrices each on queries, keys, values and outputs."""
        attentions = self.layers + 2 * self.decoder
        return attentions * 4 * rank * (self.hidden + self.inner)

    def head(self, kind: str, classes: int) -> int:
        """Return the number of parameters of the layers above the encoder.

        `kind` is "linear", one linear layer, or "cnn", two convolutions of kernel 7 with 32 channels between them.
        """
        if kind == "cnn":
            return (self.hidden * 7 + 1) * 32 + (32 * 7 + 1) * classes
        return (self.hidden + 1) * classes


PROTT5, PROTT5_FULL, PROTBERT, CNN, DNABERT = "prott5", "prott5_full", "protbert", "cnn", "dnabert"
SHAPES = {
    PROTT5: Shape(
        "ProtT5-XL, encoder", "t5", 1_208_141_824, 50_334_720, 132_096, 24, 1024, 32, 4096, 16_384, special=1
    ),
    # Seqdrop does not train this model, since secondary structure needs no decoder. The source chapter does.
    PROTT5_FULL: Shape(
        "ProtT5-XL, encoder and decoder",
        *("t5", 2_818_830_336, 67_112_960, 133_120, 24, 1024, 32, 4096, 16_384),
        decoder=24,
        special=1,
    ),
    PROTBERT: Shape(
        "ProtBERT-BFD", "bert", 418_881_536, 12_596_224, 40_994_816, 30, 1024, 16, 1024, 4096, 0, 40_000, 2
    ),
    # One-hot residues (22 ids) through five convolutions of kernel 9 and width 128: model_code/protein/cnn.py.
    CNN: Shape("convolutions", "cnn", 615_808, 147_584, 0, 5, 128, 1, 128, 9),
    DNABERT: Shape("DNABERT-6", "bert", 89_190_912, 7_087_872, 4_136_448, 12, 768, 12, 768, 3072, 0, 512, 2),
}
