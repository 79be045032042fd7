"""Translation of the fields of SageMaker's model-parallel libraries for images without those libraries.

Source of the fields: the SageMaker Python SDK's page on `distribution` (v1, smdistributed-modelparallel 1.x) and the
SMP v2 reference.
"""

from __future__ import annotations

NOTHING = "nothing"
SHARDS = "fsdp"
FSDP_WHY = "the model is split by sharding each layer's parameters over all GPUs, not by giving whole layers to some"

# field: (translation, reason). None: the translation depends on the value, and smdistributed.py determines it.
V1: dict[str, tuple[str, str] | None] = {
    "partitions": None,
    "pipeline_parallel_degree": None,
    "tensor_parallel_degree": None,
    "sharded_data_parallel_degree": None,
    "shard_optimizer_state": None,
    "ddp": None,
    "microbatches": None,
    "offload_activations": None,
    "activation_offloading": None,
    "activation_checkpointing": None,
    "fp16": None,
    "fp16_params": None,
    "bf16": None,
    "horovod": None,
    "pipeline": (NOTHING, "there is no pipeline: every GPU runs every layer"),
    "active_microbatches": (NOTHING, "there is no pipeline: one forward pass runs at a time"),
    "placement_strategy": (NOTHING, "all GPUs are one group of FSDP, so there is nothing to place"),
    "optimize": (NOTHING, "the profile decides: ddp for speed, fsdp for memory"),
    "memory_weight": (NOTHING, "parts are equal, so there is nothing to balance"),
    "auto_partition": (NOTHING, "FSDP wraps each block by itself"),
    "default_partition": (NOTHING, "FSDP wraps each block by itself"),
    "load_partition": (NOTHING, "FSDP wraps each block by itself"),
    "partition_file": (NOTHING, "FSDP wraps each block by itself"),
    "contiguous": (NOTHING, "it is for TensorFlow"),
    "activation_loading_horizon": (NOTHING, "PyTorch prefetches what it offloaded by itself"),
    "prescaled_batch": (NOTHING, "each GPU has its own batch"),
    "skip_tracing": (NOTHING, "nothing is traced"),
    "delayed_parameter_initialization": (NOTHING, "weights come from a checkpoint"),
    "deterministic_server": (NOTHING, "there is no pipeline whose requests could change order"),
    "ddp_port": (NOTHING, "torchrun finds a port"),
    "ddp_dist_backend": (NOTHING, "NCCL on GPUs, gloo on processors"),
    "sdp_reduce_bucket_size": (NOTHING, "FSDP reduces a block at a time"),
    "sdp_param_persistence_threshold": (NOTHING, "FSDP shards every parameter of a block"),
    "sdp_max_live_parameters": (NOTHING, "FSDP holds two blocks at a time"),
    "sdp_hierarchical_allgather": (NOTHING, "NCCL chooses"),
    "sdp_gradient_clipping": (NOTHING, "train.py clips the norm of gradients"),
}
V2: dict[str, tuple[str, str] | None] = {
    "hybrid_shard_degree": None,
    "tensor_parallel_degree": None,
    "context_parallel_degree": None,
    "expert_parallel_degree": None,
    "sm_activation_offloading": None,
    "activation_offloading": None,
    "activation_checkpointing": None,
    "activation_loading_horizon": (NOTHING, "PyTorch prefetches what it offloaded by itself"),
    "fsdp_cache_flush_warnings": (NOTHING, "it is about warnings of the library"),
    "allow_empty_shards": (NOTHING, "FSDP pads what cannot be divided evenly"),
    "random_seed": (NOTHING, "train.seed is the seed"),
    "fp16": None,
    "bf16": None,
}
MPI: dict[str, tuple[str, str] | None] = {
    "enabled": ("torchrun", "SageMaker's model-parallel library needs MPI; torchrun starts FSDP"),
    "custom_mpi_options": (NOTHING, "MPI is not used"),
    "processes_per_host": None,
}
