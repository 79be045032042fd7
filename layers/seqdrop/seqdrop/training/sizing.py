"""On what a training runs: the plan of its memory, time and money, held to the machine and the budget of job.toml."""

from __future__ import annotations

from seqdrop.jobs.training import Machine
from seqdrop.training.order import Order


def sized(order: Order) -> tuple[Machine, dict[str, str]]:
    """The machine, and the hyperparameters of the distribution. Raises JobRefused with the plan's text."""
    given = order.job.distribution
    spread = {"profile": given.get("profile", "single")}
    instance = order.job.instance.type or "ml.m5.xlarge"
    if spread["profile"] != "single":
        spread |= {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": instance}
    return Machine(instance, given.get("hosts", 1), given.get("processes_per_host", 0)), spread
