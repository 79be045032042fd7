"""What training allocates, without doing it: the true architectures on fake tensors, as the script of training runs
them, and every allocation counted by PyTorch's own trackers. What CUDA's kernels hold and a processor's do not, and the
other way round, is put right: dropout holds a byte a value, norms under autocast are in fp32, SDPA holds no scores.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.fsdp2_mem_tracker import FSDPMemTracker
from torch.distributed._tools.mem_tracker import MemTracker
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.testing._internal.distributed.fake_pg import FakeStore
from transformers import BertConfig, BertModel, T5Config, T5EncoderModel, T5Model

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKS = ("T5Block", "BertLayer")


def t5(layers: int = 24, attention: str = "eager", decoder: int = 0):
    """ProtT5-XL's shape, after its public config."""
    config = T5Config(
        d_model=1024,
        d_kv=128,
        d_ff=16_384,
        num_layers=layers,
        num_decoder_layers=decoder or layers,
        num_heads=32,
        vocab_size=128,
        feed_forward_proj="relu",
        use_cache=False,
    )
    config._attn_implementation = attention
    return (T5Model if decoder else T5EncoderModel)(config)


def bert(layers: int = 30, words: int = 30, positions: int = 40_000, width: int = 1024, pooler: bool = False):
    """ProtBERT's shape, after its public config."""
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        max_position_embeddings=positions,
    )
    config._attn_implementation = "sdpa"
    return BertModel(config, add_pooling_layer=pooler)


class _Attention(torch.autograd.Function):
    """What CUDA's SDPA holds: queries, keys, values, what came out, and a number for each query."""

    @staticmethod
    def forward(ctx, query, key, value):
        out = torch.empty_like(query.transpose(1, 2).contiguous()).transpose(1, 2)
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx, _):
        return tuple(torch.empty_like(one) for one in ctx.saved_tensors[:3])


@contextlib.contextmanager
def as_cuda(autocast: bool) -> Iterator[None]:
    norm = F.layer_norm

    def layer_norm(x, *rest, **named):
        return norm(x.float() if autocast else x, *rest, **named)

    def dropout(x, p=0.5, training=True, inplace=False):
        return torch.native_dropout(x, p, True)[0] if training and p else x

    def attention(query, key, value, **_):
        return _Attention.apply(*(one.bfloat16() for one in (query, key, value)))

    with (
        patch.object(F, "layer_norm", layer_norm),
        patch.object(F, "dropout", dropout),
        patch.object(F, "scaled_dot_product_attention", attention),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
    ):
        yield


def peak(make, sequences: int, length: int, checkpointing: bool, processes: int = 0) -> int:
    """Bytes at the peak of a second step, the optimizer's left out. With processes, the model is sharded over them."""
    with _group(processes) as mesh, FakeTensorMode(allow_non_fake_inputs=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().train()
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        if mesh:
            _shard(model, mesh)
        return _stepped(model, sequences, length, sharded=bool(mesh))


def held(make, sequences: int, length: int, adapted: bool = False) -> int:
    """Bytes that the forward pass under autocast leaves for the backward pass, weights and their copies left out."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = make().train()
        if adapted:
            adapt(model)
        weights = {one.untyped_storage()._cdata for one in model.parameters()}
        shapes = {tuple(one.shape) for one in model.parameters() if one.dim() == 2}
        shapes |= {shape[::-1] for shape in shapes}
        found = {}

        def pack(one):
            storage = one.untyped_storage()
            if storage._cdata not in weights and tuple(one.shape) not in shapes:
                found[storage._cdata] = storage
            return one

        ids = torch.ones(sequences, length, dtype=torch.long)
        with as_cuda(autocast=True), torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one):
            given = {"decoder_input_ids": ids} if isinstance(model, T5Model) else {}
            model(input_ids=ids, attention_mask=torch.ones_like(ids), **given)
        return sum(one.nbytes() for one in found.values())


def adapt(model) -> None:
    """LoRA of rank 8 as peft has it, over frozen weights in bf16."""
    model.requires_grad_(False)
    for weight in model.parameters():
        weight.data = weight.data.bfloat16()
    for name, module in model.named_modules():
        if name.split(".")[-1] in ("q", "k", "v", "o", "query", "key", "value") or name.endswith(
            "attention.output.dense"
        ):
            module.down = torch.nn.Parameter(torch.ones(8, module.in_features))
            module.up = torch.nn.Parameter(torch.ones(module.out_features, 8))
            module.register_forward_hook(
                lambda one, given, out: out + F.linear(F.linear(given[0].float(), one.down), one.up)
            )
    embeddings = model.get_input_embeddings()
    embeddings.register_forward_hook(lambda one, given, out: out.requires_grad_(True))


def _shard(model, mesh) -> None:
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for block in model.modules():
        if type(block).__name__ in BLOCKS:
            fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def _stepped(model, sequences: int, length: int, sharded: bool) -> int:
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, fused=True)
    ids = torch.ones(sequences, length, dtype=torch.long)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder and hasattr(model, "decoder"):
        given |= {"decoder_input_ids": ids}
    tracker = FSDPMemTracker(model, optimizer) if sharded else MemTracker()
    if not sharded:
        tracker.track_external(model, optimizer)
    with tracker:
        for number in range(2):
            with as_cuda(autocast=not sharded):
                loss = model(**given).last_hidden_state.float().mean()
            with as_cuda(autocast=False):
                loss.backward()
            del loss
            optimizer.zero_grad()
            if not number:
                tracker.reset_mod_stats()
    return sum(snapshot["Total"] for snapshot in tracker.get_tracker_snapshot("peak").values())


@contextlib.contextmanager
def _group(processes: int) -> Iterator[object]:
    if not processes:
        yield None
        return
    dist.init_process_group("fake", rank=0, world_size=processes, store=FakeStore())
    try:
        yield init_device_mesh("cpu", (processes,))
    finally:
        dist.destroy_process_group()
