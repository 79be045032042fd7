"""The published checkpoints by their public facts: config, key names, file layout and order of the tokens.

The weights are random, and `changes` to the config make the networks small.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
import transformers

if TYPE_CHECKING:
    from pathlib import Path

T5_CONFIG = {
    "architectures": ["T5ForConditionalGeneration"],
    "d_ff": 16384,
    "d_kv": 128,
    "d_model": 1024,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "n_positions": 512,
    "num_heads": 32,
    "num_layers": 24,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
    "vocab_size": 128,
}
HALF_CONFIG = T5_CONFIG | {
    "architectures": ["T5EncoderModel"],
    "feed_forward_proj": "relu",
    "num_decoder_layers": 24,
    "torch_dtype": "float16",
    "use_cache": True,
}
BERT_CONFIG = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 1024,
    "initializer_range": 0.02,
    "intermediate_size": 4096,
    "max_position_embeddings": 40000,
    "model_type": "bert",
    "num_attention_heads": 16,
    "num_hidden_layers": 30,
    "type_vocab_size": 2,
    "vocab_size": 30,
}
CONFIGS = {
    "prot_t5_xl_uniref50": T5_CONFIG,
    "prot_t5_xl_half_uniref50-enc": HALF_CONFIG,
    "prot_bert_bfd": BERT_CONFIG,
}
SMALL_T5 = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_heads": 2, "num_layers": 2, "dropout_rate": 0.0}
SMALL_BERT = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2}
SMALL_BERT |= {"max_position_embeddings": 128, "initializer_range": 0.1}

T5_ORDER = "ALGVSREDTIPKFQNYMHWCXBOUZ"
"""Residues of ProtT5 in the order of their ids, after <pad>, </s> and <unk>; 100 sentinels follow."""
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"LAGVESIKRDTPNQFYMHCWXUBZO"]

CLASSES = {
    "prot_t5_xl_uniref50": transformers.T5ForConditionalGeneration,
    "prot_t5_xl_half_uniref50-enc": transformers.T5EncoderModel,
    "prot_bert_bfd": transformers.BertForMaskedLM,
}
SETTINGS = {"t5": transformers.T5Config, "bert": transformers.BertConfig}


def network(name: str, changes: dict) -> transformers.PreTrainedModel:
    """Return a model of the published class with that config."""
    config = CONFIGS[name] | changes
    return CLASSES[name](SETTINGS[config["model_type"]].from_dict(config))


def keys(name: str, layers: int) -> set[str]:
    """Return the names in the published weights, for that number of layers in the encoder (and in the decoder)."""
    return bert_keys(layers) if name == "prot_bert_bfd" else t5_keys(layers, decoder=name == "prot_t5_xl_uniref50")


def t5_keys(layers: int, decoder: bool) -> set[str]:
    """Return the names of a T5. Each stack also lists the shared embedding as its own."""
    names = {"shared.weight"}
    for stack in ("encoder", "decoder") if decoder else ("encoder",):
        parts = ["SelfAttention", "EncDecAttention", "DenseReluDense"] if stack == "decoder" else []
        parts = parts or ["SelfAttention", "DenseReluDense"]
        names |= {f"{stack}.embed_tokens.weight", f"{stack}.final_layer_norm.weight"}
        names.add(f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
        for block in range(layers):
            for number, part in enumerate(parts):
                at = f"{stack}.block.{block}.layer.{number}"
                matrices = ("wi", "wo") if part == "DenseReluDense" else "qkvo"
                names |= {f"{at}.{part}.{name}.weight" for name in matrices} | {f"{at}.layer_norm.weight"}
    return names | ({"lm_head.weight"} if decoder else set())


def bert_keys(layers: int) -> set[str]:
    """Return the names of ProtBERT, with a pooler, a buffer of positions and a masked-language head, all unused."""
    both = ("weight", "bias")
    names = {f"bert.embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")}
    names |= {f"bert.{part}.{name}" for part in ("embeddings.LayerNorm", "pooler.dense") for name in both}
    names |= {"bert.embeddings.position_ids", "cls.predictions.bias", "cls.predictions.decoder.weight"}
    names |= {f"cls.predictions.transform.{part}.{name}" for part in ("dense", "LayerNorm") for name in both}
    parts = [f"attention.self.{name}" for name in ("query", "key", "value")] + ["attention.output.dense"]
    parts += ["attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"]
    for layer in range(layers):
        names |= {f"bert.encoder.layer.{layer}.{part}.{name}" for part in parts for name in both}
    return names


def weights(name: str, changes: dict) -> dict[str, torch.Tensor]:
    """Return random weights under the published names."""
    torch.manual_seed(3)
    model = network(name, changes)
    state, layers = dict(model.state_dict()), changes.get("num_layers") or changes.get("num_hidden_layers")
    if name == "prot_bert_bfd":
        width = model.config.hidden_size
        state |= {"bert.pooler.dense.weight": torch.randn(width, width), "bert.pooler.dense.bias": torch.randn(width)}
        state["bert.embeddings.position_ids"] = torch.arange(model.config.max_position_embeddings)[None]
    half = name == "prot_t5_xl_half_uniref50-enc"
    return {key: state[key].half() if half else state[key] for key in keys(name, layers)}


def write(folder: Path, name: str, changes: dict, files: int = 1) -> Path:
    """Write a folder: config.json, the vocabulary, and pytorch_model.bin in one file or in several with an index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIGS[name] | changes))
    if name == "prot_bert_bfd":
        (folder / "vocab.txt").write_text("\n".join(BERT_TOKENS) + "\n")
    else:
        (folder / "spiece.model").write_bytes(spiece(t5_pieces()))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    state = weights(name, changes)
    if files == 1:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        _write_sharded(folder, state, files)
    return folder


def _write_sharded(folder: Path, state: dict[str, torch.Tensor], files: int) -> None:
    names = [f"pytorch_model-{number:05d}-of-{files:05d}.bin" for number in range(1, files + 1)]
    where = {key: names[place * files // len(state)] for place, key in enumerate(sorted(state))}
    for name in names:
        torch.save({key: state[key] for key, file in where.items() if file == name}, folder / name)
    size = sum(weight.nbytes for weight in state.values())
    index = {"metadata": {"total_size": size}, "weight_map": where}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def t5_pieces() -> list[str]:
    residues = [f"\u2581{residue}" for residue in T5_ORDER]
    return ["<pad>", "</s>", "<unk>", *residues, *(f"<extra_id_{number}>" for number in range(99, -1, -1))]


def spiece(pieces: list[str]) -> bytes:
    """Return a sentencepiece model of these pieces in protobuf, with scores, types and settings in between."""
    message = b""
    for number, piece in enumerate(pieces):
        kind = 3 if number < 2 else 2 if number == 2 else 1
        body = _field(1, piece.encode()) + b"\x15" + b"\x00\x00\x80\xbf" + b"\x18" + bytes([kind])
        message += _field(1, body)
    return message + _field(2, b"\x18\x01\x20\x80\x80\x01")


def _field(number: int, body: bytes) -> bytes:
    """Return a field of bytes: its key, its length as a varint, its content."""
    length, size = len(body), b""
    while length > 127:
        size, length = size + bytes([128 | length & 127]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + body
