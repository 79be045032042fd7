"""SageMaker's training instances: processors, GPUs, memory and network. Their prices are in `seqdrop.aws.prices`."""

from __future__ import annotations

from dataclasses import dataclass

MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Gpu:
    """One model of GPU, with dense peak rates from its data sheet."""

    name: str
    mib: int
    """Memory in MiB, as the driver reports it."""
    bf16_tflops: float
    """0 without bf16; then the GPU computes in fp32, since T5 overflows in fp16."""
    fp32_tflops: float
    link_gbs: float
    """GB/s that one GPU sends in a collective operation within its host, over NVLink or its share of PCIe."""


T4 = Gpu("T4", 15_360, 0, 8.1, 5)
A10G = Gpu("A10G", 23_028, 70, 31, 8)
L40S = Gpu("L40S", 46_068, 362, 91, 8)
A100 = Gpu("A100 40 GB", 40_960, 312, 19.5, 150)
H100 = Gpu("H100", 81_559, 989, 67, 250)


@dataclass(frozen=True)
class Instance:
    """One type of instance. Without GPUs, a job runs on its processors."""

    name: str
    vcpus: int
    gib: int
    """Memory of the host in GiB."""
    gpus: int = 0
    gpu: Gpu | None = None
    network_gbs: float = 1.2
    """GB/s between hosts."""

    @property
    def processes(self) -> int:
        """Processes that the training toolkit starts on a host: one per GPU, or one."""
        return max(1, self.gpus)

    @property
    def memory(self) -> int:
        """Bytes of memory of one GPU, or of the host if it has no GPU."""
        return self.gpu.mib * MIB if self.gpu else self.gib * GIB

    @property
    def has_bf16(self) -> bool:
        """Whether its GPUs compute in bf16."""
        return bool(self.gpu and self.gpu.bf16_tflops)


# Sources: the EC2 pages on instance types (g4dn, g5, g6e, p4, p5, m5, c5, c7i) and NVIDIA's data sheets of the GPUs.
INSTANCES = {
    instance.name: instance
    for instance in (
        Instance("ml.m5.xlarge", 4, 16),
        Instance("ml.m5.2xlarge", 8, 32),
        Instance("ml.m5.4xlarge", 16, 64),
        Instance("ml.c5.2xlarge", 8, 16),
        Instance("ml.c5.4xlarge", 16, 32),
        Instance("ml.c7i.xlarge", 4, 8),
        Instance("ml.c7i.2xlarge", 8, 16),
        Instance("ml.c7i.4xlarge", 16, 32),
        Instance("ml.g4dn.xlarge", 4, 16, 1, T4),
        Instance("ml.g4dn.12xlarge", 48, 192, 4, T4, 6),
        Instance("ml.g5.xlarge", 4, 16, 1, A10G),
        Instance("ml.g5.2xlarge", 8, 32, 1, A10G),
        Instance("ml.g5.12xlarge", 48, 192, 4, A10G, 5),
        Instance("ml.g5.24xlarge", 96, 384, 4, A10G, 6),
        Instance("ml.g5.48xlarge", 192, 768, 8, A10G, 12),
        Instance("ml.g6e.xlarge", 4, 32, 1, L40S, 2.5),
        Instance("ml.g6e.2xlarge", 8, 64, 1, L40S, 2.5),
        Instance("ml.g6e.12xlarge", 48, 384, 4, L40S, 12),
        Instance("ml.g6e.48xlarge", 192, 1536, 8, L40S, 50),
        Instance("ml.p4d.24xlarge", 96, 1152, 8, A100, 50),
        Instance("ml.p5.48xlarge", 192, 2048, 8, H100, 400),
    )
}


# Range of the price of managed spot, as a share of the price on demand. AWS says up to 90 % less, rare for GPUs.
SPOT_LOW, SPOT_HIGH = 0.3, 0.7
