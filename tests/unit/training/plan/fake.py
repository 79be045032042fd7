"""The allocations of a training, measured with the real architectures on fake tensors, which have no content.

The models run as in the training script, and PyTorch's own trackers count every allocation. Where kernels of CUDA
allocate otherwise than those of a CPU, they are imitated: dropout keeps a byte per value, norms under autocast are in
fp32, SDPA keeps no scores.
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
    """Return a model with the shape of ProtT5-XL, from its public configuration."""
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
    """Return a model with the shape of ProtBERT, from its public configuration."""
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
    """Attention that keeps the same tensors as CUDA's SDPA: queries, keys, values, output, a number per query."""

    @staticmethod
    def forward(ctx, query, key, value):
        out = torch.empty_like(query.transpose(1, 2).contiguous()).transpose(1, 2)
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx, _):
        return tuple(torch.empty_like(tensor) for tensor in ctx.saved_tensors[:3])


@contextlib.contextmanager
def as_cuda(autocast: bool) -> Iterator[None]:
    norm = F.layer_norm

    def layer_norm(x, *rest, **named):
        return norm(x.float() if autocast else x, *rest, **named)

    def dropout(x, p=0.5, training=True, inplace=False):
        return torch.native_dropout(x, p, True)[0] if training and p else x

    def attention(query, key, value, **_):
        return _Attention.apply(*(tensor.bfloat16() for tensor in (query, key, value)))

    with (
        patch.object(F, "layer_norm", layer_norm),
        patch.object(F, "dropout", dropout),
        patch.object(F, "scaled_dot_product_attention", attention),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast),
    ):
        yield


def peak(make, sequences: int, length: int, checkpointing: bool, processes: int = 0) -> int:
    """Return the bytes at the peak of a second step, without the optimizer's; the model is sharded over `processes`."""
    with _group(processes) as mesh, FakeTensorMode(allow_non_fake_inputs=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make().train()
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        if mesh:
            _shard(model, mesh)
        return _peak_of_steps(model, sequences, length, sharded=bool(mesh))


def kept_bytes(make, sequences: int, length: int, adapted: bool = False) -> int:
    """Return the bytes that a forward pass under autocast keeps for the backward pass, without weights and copies."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = make().train()
        if adapted:
            adapt(model)
        weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
        shapes = {tuple(weight.shape) for weight in model.parameters() if weight.dim() == 2}
        shapes |= {shape[::-1] for shape in shapes}
        storages = {}

        def pack(tensor):
            storage = tensor.untyped_storage()
            if storage._cdata not in weights and tuple(tensor.shape) not in shapes:
                storages[storage._cdata] = storage
            return tensor

        ids = torch.ones(sequences, length, dtype=torch.long)
        with as_cuda(autocast=True), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            extra = {"decoder_input_ids": ids} if isinstance(model, T5Model) else {}
            model(input_ids=ids, attention_mask=torch.ones_like(ids), **extra)
        return sum(storage.nbytes() for storage in storages.values())


def adapt(model) -> None:
    """Add LoRA of rank 8, as peft does, over frozen weights in bf16."""
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
                lambda layer, inputs, out: out + F.linear(F.linear(inputs[0].float(), layer.down), layer.up)
            )
    embeddings = model.get_input_embeddings()
    embeddings.register_forward_hook(lambda layer, inputs, out: out.requires_grad_(True))


def _shard(model, mesh) -> None:
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for block in model.modules():
        if type(block).__name__ in BLOCKS:
            fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)


def _peak_of_steps(model, sequences: int, length: int, sharded: bool) -> int:
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, fused=True)
    ids = torch.ones(sequences, length, dtype=torch.long)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder and hasattr(model, "decoder"):
        inputs |= {"decoder_input_ids": ids}
    tracker = FSDPMemTracker(model, optimizer) if sharded else MemTracker()
    if not sharded:
        tracker.track_external(model, optimizer)
    with tracker:
        for number in range(2):
            with as_cuda(autocast=not sharded):
                loss = model(**inputs).last_hidden_state.float().mean()
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
