"""The configuration that template.yaml passes to a function (buckets, queues, roles, limits) as a frozen object."""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SEQDROP_"


@dataclass(frozen=True)
class Settings:
    """Each field is the environment variable SEQDROP_<FIELD>, set for every function in template.yaml."""

    table: str
    landing: str
    work: str
    results: str
    models: str  # the bucket of models and of the code of jobs
    archive: str
    validate_queue: str  # this and the next four: queue URLs
    transform_queue: str
    training_queue: str
    finish_queue: str
    archive_queue: str
    topic: str  # ARN of the notification topic
    key: str  # ARN of the KMS key that encrypts everything
    execution_role: str  # ARN of the role that SageMaker jobs assume
    transform_image: str
    instance_type: str
    instance_count: int
    processing_role: str  # ARN of the role of jobs that examine large files
    processing_image: str
    processing_instance_type: str
    training_role: str  # ARN of the role of training jobs
    training_image: str
    training_subnets: str  # comma-separated ids; "" for no VPC
    training_security_groups: str
    training_isolation: str  # "true": the container reaches no network
    training_promotes: str = (
        "false"  # "true": a trained model that passes its gate may become the current one by itself
    )
    max_jobs: int = 10  # transform jobs that may be open at once
    ledger_days: int = 0  # retention of terminal records in days; 0 disables expiry
    stale_minutes: int = 30  # minutes without progress after which the reconciler re-sends a record's message

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raise ConfigurationError with the names of all missing variables."""
        variables = os.environ if environment is None else environment
        names = {field.name: PREFIX + field.name.upper() for field in fields(cls)}
        values: dict[str, Any] = {
            name: variables[variable] for name, variable in names.items() if variable in variables
        }
        required = {field.name for field in fields(cls) if field.default is MISSING}
        missing = sorted(names[name] for name in required - values.keys())
        if missing:
            raise ConfigurationError(f"these environment variables are not set: {', '.join(missing)}")
        for name in {field.name for field in fields(cls) if field.type == "int"} & values.keys():
            values[name] = int(values[name])
        return cls(**values)

    def queue(self, name: str) -> str:
        """Return the URL of the queue of that name. Raise ConfigurationError if the deployment has no such queue."""
        urls = (self.validate_queue, self.transform_queue, self.training_queue, self.finish_queue, self.archive_queue)
        for url in urls:
            if url.rsplit("/", 1)[-1] == name:
                return url
        raise ConfigurationError(f"this deployment has no queue {name}")
