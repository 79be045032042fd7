"""The configuration that template.yaml passes to a function (buckets, queues, roles, limits) as a frozen object."""

from __future__ import annotations

import os
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from seqdrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sagemaker.type_defs import VpcConfigTypeDef

PREFIX = "SEQDROP_"
NUMBERS = {"int": int, "float": float}
# Settings that only some functions use: what the jobs of one kind run on, and with which role.
ONLY_SOME = frozenset(
    {
        *("job_subnets", "job_security_groups", "execution_role", "transform_image", "instance_type", "instance_count"),
        *("processing_role", "processing_image", "processing_instance_type"),
        *("monitoring_role", "monitor_queue"),
        *("training_role", "training_image", "training_isolation"),
        *("job_hours", "transform_budget", "instance_price"),
        *("training_hours", "training_budget", "training_instances"),
        "training_promotes",
        *("bundle_queue", "inventory_queue", "forget_queue", "restore_queue", "batch_role", "restore_batch_above"),
        "stack",
        *("serve_queue", "async_topic"),
        *("transfer_queue", "transfer_task", "transfer_role", "transfer_source"),
        "workflow_role",
    }
)


@dataclass(frozen=True)
class Settings:
    """Each field is the environment variable SEQDROP_<FIELD> in template.yaml.

    Lambda limits the variables of a function to 4 KB. Therefore a setting that is not in Globals there is set only for
    the functions that use it; elsewhere, reading it raises ConfigurationError.
    """

    table: str
    landing: str
    work: str
    results: str
    models: str  # the bucket of models and of the code of jobs
    archive: str
    validate_queue: str  # this and the next six: queue URLs
    processing_queue: str
    transform_queue: str
    training_queue: str
    finish_queue: str
    archive_queue: str
    bundle_queue: str
    inventory_queue: str  # of the function inventory only
    forget_queue: str
    topic: str  # ARN of the notification topic
    key: str  # ARN of the KMS key that encrypts everything
    job_subnets: str  # of all jobs: comma-separated ids; "" for no VPC
    job_security_groups: str
    execution_role: str  # ARN of the role that SageMaker jobs assume
    transform_image: str
    instance_type: str
    instance_count: int
    processing_role: str  # ARN of the role of jobs that examine large files
    processing_image: str  # also of jobs that monitor
    processing_instance_type: str
    monitoring_role: str  # ARN of the role of jobs that monitor
    monitor_queue: str  # URL of the queue of monitor
    training_role: str  # ARN of the role of training jobs
    training_image: str
    training_isolation: str  # "true": the container reaches no network
    job_hours: int  # hours after which a transform job is stopped
    transform_budget: float  # US dollars that a transform job may cost
    instance_price: float  # of instance_type for an hour; 0: aws/prices.py
    training_hours: int  # hours after which a training is stopped
    training_budget: float  # US dollars that a training may cost
    training_instances: str  # comma-separated patterns of instance types
    stack: str  # name of the stack, which is a dimension of its metrics; only in functions that publish some
    serve_queue: str = ""  # URL of the queue of serve
    async_topic: str = ""  # ARN of the topic of asynchronous results; only in serve
    catalogue_queue: str = ""  # URL of the queue of catalogue
    catalogue: str = "false"  # "true": rows of the catalogue are written; only in catalogue
    features: str = ""  # first part of the names of feature groups; "" without; only in catalogue
    endpoints: str = "false"  # "true": analyses may have endpoints; only in functions that use them
    transfer_prefix: str = ""  # landing prefix into which DataSync copies; "" without a transfer
    transfer_opens: str = "rule"  # "always": the end of a transfer completes every run, whatever its instrument says
    transfer_queue: str = ""  # URL of the queue of transfer
    transfer_task: str = ""  # ARN of the DataSync task
    transfer_role: str = ""  # ARN of the role with which DataSync reads manifests
    transfer_source: str = ""  # bucket and prefix from which it copies; "" for a share, which only its agent can list
    transfer_excludes: str = ""  # patterns of files that are not copied, separated by |
    transfer_quiet: int = 60  # minutes without a change after which a folder of the source bucket is copied
    workflow_queue: str = ""  # URL of the queue of workflow; "" without workflows
    workflow_role: str = ""  # ARN of the role that runs of HealthOmics assume
    workflow_seconds: int = 10  # between two starts of runs in HealthOmics
    restore_queue: str = ""  # URL of the queue of restore
    batch_role: str = ""  # ARN of the role with which S3 Batch Operations restores objects
    restore_batch_above: int = 1000  # objects of a request above which S3 Batch Operations restores them
    training_promotes: str = "false"  # "true": a model that passes the gate may become current by itself
    max_jobs: int = 10  # transform jobs that may be open at once
    ledger_days: int = 0  # retention of terminal records in days; 0 disables expiry
    forget_days: int = 7  # days between the request to delete an archived copy and its deletion
    signing_key: str = ""  # ARN of the KMS key that signs the head of the receipts; "" for mails
    tracing: str = "false"  # "true": spans are sent to X-Ray; runtime/tracing.py reads it from the environment
    event_bus: str = ""  # name of the bus of EventBridge that gets events; "" for none; in validate and reconcile
    event_names: str = "false"  # "true": events may name files, folders and samples; this and the next two: reconcile
    webhook_format: str = ""  # shape of the body of webhooks (bus/webhook.py); "" for no webhook
    webhook_secret: str = ""  # ARN of the secret that signs webhooks; "" for no signature
    stale_minutes: int = 30  # minutes without progress after which the reconciler re-sends a record's message

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raise ConfigurationError with the names of all variables that every function needs."""
        variables = os.environ if environment is None else environment
        names = {field.name: _variable(field.name) for field in fields(cls)}
        values: dict[str, Any] = {
            name: variables[variable] for name, variable in names.items() if variable in variables
        }
        required = {field.name for field in fields(cls) if field.default is MISSING} - ONLY_SOME
        missing = sorted(names[name] for name in required - values.keys())
        if missing:
            raise ConfigurationError(f"these environment variables are not set: {', '.join(missing)}")
        for field in fields(cls):
            if field.name in values and field.type in NUMBERS:
                values[field.name] = NUMBERS[field.type](values[field.name])
        settings = object.__new__(cls)  # without the settings of other functions, which __init__ would require
        for name, value in values.items():
            object.__setattr__(settings, name, value)
        return settings

    if not TYPE_CHECKING:  # for mypy, only the fields above exist

        def __getattr__(self, name: str) -> object:
            """Raise ConfigurationError for a setting that this function's environment lacks."""
            if name in ONLY_SOME:
                raise ConfigurationError(f"the environment of this function has no {_variable(name)}")
            raise AttributeError(name)

    @property
    def network(self) -> VpcConfigTypeDef | None:
        """The subnets and security groups in which all jobs run; None without a VPC."""
        if not self.job_subnets:
            return None
        return {"Subnets": self.job_subnets.split(","), "SecurityGroupIds": self.job_security_groups.split(",")}

    def queue(self, name: str) -> str:
        """Return the URL of the queue of that name. Raise ConfigurationError if the deployment has no such queue."""
        own = (self.validate_queue, self.processing_queue, self.transform_queue, self.training_queue)
        # Absent in other functions.
        only_some = (
            *("bundle_queue", "inventory_queue", "forget_queue", "restore_queue", "serve_queue"),
            *("monitor_queue", "catalogue_queue", "transfer_queue", "workflow_queue"),
        )
        some: list[str] = [vars(self).get(name, "") for name in only_some]
        for url in (*own, self.finish_queue, self.archive_queue, *some):
            if url.rsplit("/", 1)[-1] == name:
                return url
        raise ConfigurationError(f"this deployment has no queue {name}")


def _variable(name: str) -> str:
    return PREFIX + name.upper()
