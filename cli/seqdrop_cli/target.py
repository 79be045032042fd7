"""The stack that a command uses: a deployed one, or the embedded one that `make demo KEEP=1` left running."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from seqdrop.aws.errors import is_unknown_stack
from seqdrop.config.settings import Settings
from seqdrop.kinds.plans import packaged
from seqdrop.ledger.table import Ledger
from seqdrop.runtime.services import Services, now

from seqdrop_cli.errors import START, StackNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sts.client import STSClient
    from seqdrop.aws.datasync import DataSyncClient
    from seqdrop.aws.feature_store import FeatureStoreClient
    from seqdrop.aws.signing import KmsClient
    from seqdrop.sagemaker.runtime_client import RuntimeClient

    from seqdrop_cli.athena import AthenaClient
    from seqdrop_cli.command import StackOptions

STACK_FILE = Path(".seqdrop/stack.json")
CHECKOUT = Path(__file__).resolve().parents[2]  # only an editable install has a STACK_FILE there
EMBEDDED_STATE = "uploads.sqlite3"  # beside the stack file: what was sent to the embedded AWS
STACK_VARIABLE = "SEQDROP_STACK"
PROBE_SECONDS = 2.0  # for a connection to the embedded AWS, and again for its first response
# With boto3's defaults, a refused connection would be repeated for half a minute before it is reported.
CONNECTIONS = 32  # that a client may have at the same time
# botocore computes the SHA-256 of each body whose checksum the caller gives, to sign it, also over HTTPS. That takes
# half of the CPU time of a large upload, and S3 verifies the checksum, which is signed, in any case.
UNSIGNED_BODIES: Any = {"payload_signing_enabled": False}
EMBEDDED_CONFIG = Config(
    connect_timeout=1,
    retries={"total_max_attempts": 2, "mode": "standard"},
    max_pool_connections=CONNECTIONS,
    s3=UNSIGNED_BODIES,
)
DEPLOYED_CONFIG = Config(max_pool_connections=CONNECTIONS, s3=UNSIGNED_BODIES)


@dataclass(frozen=True)
class Target:
    """The names of a stack's buckets and table. `endpoint` and `access_key` are set for the embedded AWS only.

    `signing_key` is the ARN of the key that signs the head of the receipts; "" if it is mailed.
    """

    region: str
    landing: str
    work: str
    results: str
    models: str
    archive: str
    table: str
    endpoint: str | None = None
    access_key: str | None = None
    stack: str = "seqdrop"
    signing_key: str = ""

    @cached_property
    def session(self) -> boto3.Session:
        """A boto3 session in the region of the stack."""
        key = self.access_key
        return boto3.Session(region_name=self.region, aws_access_key_id=key, aws_secret_access_key=key)

    @property
    def client_config(self) -> Config:
        """The configuration of clients: short waits for the embedded AWS, boto3's defaults for a deployed stack."""
        return EMBEDDED_CONFIG if self.endpoint else DEPLOYED_CONFIG

    @overload
    def client(self, name: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, name: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, name: Literal["sns"]) -> SNSClient: ...
    @overload
    def client(self, name: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def client(self, name: Literal["sagemaker"]) -> SageMakerClient: ...
    @overload
    def client(self, name: Literal["sagemaker-runtime"]) -> RuntimeClient: ...
    @overload
    def client(self, name: Literal["sagemaker-featurestore-runtime"]) -> FeatureStoreClient: ...
    @overload
    def client(self, name: Literal["cloudformation"]) -> CloudFormationClient: ...
    @overload
    def client(self, name: Literal["datasync"]) -> DataSyncClient: ...
    @overload
    def client(self, name: Literal["kms"]) -> KmsClient: ...
    @overload
    def client(self, name: Literal["sts"]) -> STSClient: ...
    @overload
    def client(self, name: Literal["athena"]) -> AthenaClient: ...

    def client(self, name: Any) -> Any:
        """Return a client of an AWS service."""
        return self.session.client(name, endpoint_url=self.endpoint, config=self.client_config)

    def ledger(self) -> Ledger:
        """Return the ledger of the stack."""
        dynamodb: DynamoDBServiceResource = self.session.resource(
            "dynamodb", endpoint_url=self.endpoint, config=self.client_config
        )
        return Ledger(dynamodb.Table(self.table), now)

    def environment(self) -> dict[str, str]:
        """Return the environment of the stack's functions: the SEQDROP_ variables that template.yaml sets for all."""
        resource = self.client("cloudformation").describe_stack_resource(
            StackName=self.stack, LogicalResourceId="ValidateFunction"
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        return self.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def services(self, **variables: str) -> Services:
        """Return the services that stages need, with the user's own credentials and the analyses of this checkout.

        `variables` are added to the environment of the functions.
        """
        return Services(
            Settings.load(self.environment() | variables),
            packaged(),
            self.ledger(),
            s3=self.client("s3"),
            sagemaker=self.client("sagemaker"),
            sqs=self.client("sqs"),
            sns=self.client("sns"),
            sagemaker_runtime=self.client("sagemaker-runtime"),
            feature_store=self.client("sagemaker-featurestore-runtime"),
        )

    def environments(self) -> dict[str, dict[str, str]]:
        """Return the environment of each function, by its name in template.yaml."""
        client = self.client("lambda")
        return {
            name: client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            for name, function in sorted(self._list_resources("AWS::Lambda::Function").items())
        }

    def queues(self) -> dict[str, str]:
        """Return the URLs of the stack's queues by their names in template.yaml."""
        return self._list_resources("AWS::SQS::Queue")

    def _list_resources(self, kind: str) -> dict[str, str]:
        """Return the physical ids of the stack's resources of a type, by their names in template.yaml."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.stack)
        resources = (resource for page in pages for resource in page["StackResourceSummaries"])
        chosen = (resource for resource in resources if resource["ResourceType"] == kind)
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in chosen}

    def save(self, path: Path = STACK_FILE) -> None:
        """Write the target to a stack file, which `load` reads.

        What `seqdrop upload` recorded for an earlier embedded AWS is removed: a new one has none of those files.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        for state in path.parent.glob(f"{EMBEDDED_STATE}*"):
            if state.is_file():
                state.unlink()
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path = STACK_FILE) -> Target:
        """Return the target of a stack file. Raise StackNotFoundError if the file is damaged."""
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise StackNotFoundError(f"{path} is damaged ({error}); remove it, and {START}") from error


def find_target(options: StackOptions) -> Target:
    """Return the stack that the options name, else the stack of SEQDROP_STACK, else the embedded one.

    Raise StackNotFoundError if there is none, or if the embedded AWS does not respond.
    """
    name = options.stack or os.environ.get(STACK_VARIABLE)
    if name:
        return _find_deployed(name, options.region)
    path = find_stack_file(Path.cwd())
    if path is None:
        raise StackNotFoundError(
            f"no stack is named, and no demo is running: name a deployed stack with --stack NAME or {STACK_VARIABLE}, "
            "or start the demo with `make demo KEEP=1`"
        )
    target = Target.load(path)
    if target.endpoint:
        require_server(target.endpoint)
    return target


def find_stack_file(folder: Path) -> Path | None:
    """Return the stack file of a folder or of its nearest parent, else that of the checkout; None if there is none."""
    places = (place / STACK_FILE for place in (folder, *folder.parents, CHECKOUT))
    return next((path for path in places if path.is_file()), None)


def require_server(endpoint: str) -> None:
    """Raise StackNotFoundError unless an HTTP server accepts a connection and responds, each within PROBE_SECONDS."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/_ministack/health")
        connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise StackNotFoundError(f"the embedded AWS at {endpoint} does not respond; {START}") from error
    finally:
        connection.close()


def _find_deployed(name: str, region: str | None) -> Target:
    session = boto3.Session(region_name=region)
    outputs = dict(_outputs(session, name))
    keys = ("landing", "work", "results", "models", "archive", "table")
    if missing := [key for key in keys if key not in outputs]:
        raise StackNotFoundError(
            f"the stack {name!r} is not a stack of Seqdrop: it has no output {', '.join(missing)}; check --stack"
        )
    buckets_and_table = {key: outputs[key] for key in keys}
    signing_key = outputs.get("signingkey", "")
    return Target(region=session.region_name or "", stack=name, signing_key=signing_key, **buckets_and_table)


def _outputs(session: boto3.Session, name: str) -> Iterator[tuple[str, str]]:
    try:
        stacks = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if not is_unknown_stack(error):
            raise
        raise StackNotFoundError(
            f"there is no stack {name!r} in {session.region_name} for these AWS credentials; check --stack, --region "
            "and AWS_PROFILE"
        ) from error
    for output in stacks[0].get("Outputs", []):
        yield output["OutputKey"].lower(), output["OutputValue"]
