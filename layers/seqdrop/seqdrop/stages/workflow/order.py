"""The order of a job: what its run gets, and where it writes. It is stored before the job is recorded.

Its object in the work bucket is written once for a job's name, which is derived from the members, so a start that is
repeated sends the same request: HealthOmics refuses another request with the same token. A record of the ledger is too
small for the sample sheet of a large run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.errors import JobRefusedError
from seqdrop.sagemaker.tags import cost_tags
from seqdrop.stages.workflow.samples import fill_parameters, find_values, format_sheet

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.config.settings import Settings
    from seqdrop.config.workflow import Workflow
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.workflow.members import Group

MOST_PARAMETERS = 50_000  # bytes of JSON


@dataclass(frozen=True)
class Order:
    """What a job does. `request` is that of StartRun; empty if a launcher of the lab's own runs the workflow.

    `prefix` is the folder in the results bucket; `sheet` the text of samplesheet.csv, "" without one. `inputs` are the
    files: id, key and version of each upload. `samples` are their names, and `run` is the folder of the sequencer run.
    """

    prefix: str
    per: str
    run: str
    run_key: str
    samples: list[str]
    inputs: list[dict[str, str]]
    sheet: str
    request: dict[str, Any]

    @property
    def sheet_key(self) -> str:
        """The key of samplesheet.csv in the results bucket."""
        return self.prefix + keys.SAMPLESHEET

    @property
    def outputs_key(self) -> str:
        """The key of the list of outputs in the results bucket."""
        return self.prefix + keys.WORKFLOW_OUTPUTS


def make_order(settings: Settings, analysis: Analysis, group: Group, members: list[Attempt], name: str) -> Order:
    """Return the order of a job of these members. Raise JobRefusedError if its parameters cannot be filled."""
    workflow, lead = _workflow_of(analysis), members[0]
    folder = group.folder if workflow.per == "run" else ""
    prefix = (
        keys.workflow_of_run(analysis.name, folder, name)
        if folder
        else keys.workflow_of_upload(analysis.name, lead.upload_id, name)
    )
    sheet = format_sheet(group.samples, workflow.columns, group.folder) if workflow.needs_sheet else ""
    inside = {uri for sample in group.samples for uri in sample.files}
    inputs = [each for each in group.uploads if f"s3://{each.bucket}/{each.key}" in inside]
    order = Order(
        prefix=prefix,
        per=workflow.per,
        run=group.folder,
        run_key=group.run.id if group.run else "",
        samples=[sample.name for sample in group.samples],
        inputs=[_describe_input(upload) for upload in inputs],
        sheet=sheet,
        request={},
    )
    if workflow.is_samplesheet:
        return order
    parameters = _fill(settings, workflow, group, order)
    request = _make_request(settings, workflow, name, order.prefix) | {"parameters": parameters}
    tags = cost_tags(analysis.name, lead.upload_id, {member.run for member in members})
    return Order(**{**asdict(order), "request": request | {"tags": {tag["Key"]: tag["Value"] for tag in tags}}})


def _workflow_of(analysis: Analysis) -> Workflow:
    if analysis.workflow is None:
        raise JobRefusedError(f"the analysis {analysis.name} has no workflow; deploy an analyses.toml in which it has")
    return analysis.workflow


def _describe_input(upload: Upload) -> dict[str, str]:
    fields = ("id", "bucket", "key", "version_id", "etag", "sha256")
    return {name: str(getattr(upload, name)) for name in fields}


def _fill(settings: Settings, workflow: Workflow, group: Group, order: Order) -> object:
    sheet = f"s3://{settings.results}/{order.sheet_key}"
    parameters = fill_parameters(workflow.parameters, find_values(group.samples, group.folder, sheet))
    if len(json.dumps(parameters).encode()) > MOST_PARAMETERS:
        raise JobRefusedError(
            f"the parameters of the run have more than {MOST_PARAMETERS:,} bytes; use {{samplesheet}} in place of lists"
        )
    return parameters


def _make_request(settings: Settings, workflow: Workflow, name: str, prefix: str) -> dict[str, Any]:
    """Return the request of StartRun without parameters and tags. Its token is the name of the job."""
    optional = {
        "workflowOwnerId": workflow.owner,
        "workflowVersionName": workflow.version,
        "runGroupId": workflow.run_group,
        "storageCapacity": workflow.storage_gb,
    }
    if workflow.type == "PRIVATE":  # the storage of AWS's own workflows is fixed
        optional["storageType"] = workflow.storage
    return {
        "workflowId": workflow.workflow_id,
        "workflowType": workflow.type,
        "roleArn": settings.workflow_role,
        "name": name,
        "requestId": name,
        "outputUri": f"s3://{settings.results}/{prefix.rstrip('/')}",
        "logLevel": workflow.log_level,
        "retentionMode": "REMOVE",  # else StartRun fails when the account has its quota of ended runs
        **{key: value for key, value in optional.items() if value},
    }


def save(services: Services, name: str, order: Order) -> None:
    """Write the order of a job."""
    services.put_json(services.settings.work, keys.job_request(name), asdict(order))


def load(services: Services, name: str) -> Order:
    """Return the order of a job. Raise JobRefusedError if it has expired, 14 days after it was written."""
    try:
        body = services.s3.get_object(Bucket=services.settings.work, Key=keys.job_request(name))["Body"].read()
    except ClientError as error:
        if is_missing(error):
            raise JobRefusedError("its order has expired, 14 days after it was planned; replay its files") from error
        raise
    return Order(**json.loads(body))
