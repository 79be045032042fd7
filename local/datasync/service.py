"""The operations of DataSync: validated, authorised, performed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Protocol

from local.datasync.checks import check_options, check_prefix, check_task
from local.datasync.descriptions import (
    describe_execution,
    describe_location,
    describe_task,
    identify_location,
)
from local.datasync.errors import InvalidRequestError
from local.datasync.execution import Runner
from local.datasync.records import ENDED, Agent, Execution, Location, Resource, Store, Task, make_id
from local.sagemaker import shapes
from local.sagemaker.errors import AccessDeniedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.datasync.controls import Controls
    from local.sagemaker.roles import Roles

SERVICE = "datasync"
PRINCIPAL = "datasync.amazonaws.com"
LINKED_ROLE = "aws-service-role/datasync.amazonaws.com/AWSServiceRoleForDataSync"


class AccountCalls(Protocol):
    """The account, or a proxy of it."""

    def call(self, method: str, *arguments: object) -> object:
        """Return the result of a method of the account."""


class DataSync:
    """The service. `caller` is (access key, account, region); without an access key, nothing is authorised."""

    def __init__(self, account: AccountCalls, roles: Roles, controls: Controls) -> None:
        self.store, self._account, self.controls = Store(), account, controls
        self._runner = Runner(self.store, roles, controls, self._announce)
        self._operations: dict[str, Callable[[tuple, dict], dict]] = {
            "CreateAgent": self._create_agent,
            "DescribeAgent": self._describe_agent,
            "ListAgents": self._list_agents,
            "DeleteAgent": self._delete_agent,
            "CreateLocationS3": lambda caller, request: self._create_location(caller, request, "S3"),
            "CreateLocationNfs": lambda caller, request: self._create_location(caller, request, "NFS"),
            "CreateLocationSmb": lambda caller, request: self._create_location(caller, request, "SMB"),
            "DescribeLocationS3": lambda caller, request: self._describe_location(caller, request, "S3"),
            "DescribeLocationNfs": lambda caller, request: self._describe_location(caller, request, "NFS"),
            "DescribeLocationSmb": lambda caller, request: self._describe_location(caller, request, "SMB"),
            "ListLocations": self._list_locations,
            "DeleteLocation": self._delete_location,
            "CreateTask": self._create_task,
            "UpdateTask": self._update_task,
            "DescribeTask": self._describe_task,
            "ListTasks": self._list_tasks,
            "DeleteTask": self._delete_task,
            "StartTaskExecution": self._start,
            "DescribeTaskExecution": self._describe_execution,
            "ListTaskExecutions": self._list_executions,
            "CancelTaskExecution": self._cancel,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def respond(self, operation: str, body: bytes, caller: tuple[str, str, str]) -> tuple[int, bytes]:
        """Return status and body of the response to a request of a caller."""
        try:
            response = self.perform(operation, json.loads(body or b"{}"), caller)
        except ServiceError as error:
            return 400, json.dumps({"__type": error.code, "message": error.message}).encode()
        return 200, json.dumps(response).encode()

    def perform(self, operation: str, request: dict, caller: tuple[str, str, str]) -> dict:
        """Return the response to a request. Raise ServiceError if it is refused."""
        if operation not in self._operations:
            raise InvalidRequestError(f"The embedded DataSync has no operation {operation!r}")
        try:
            shapes.check(operation, request, SERVICE)
        except ServiceError as error:
            raise InvalidRequestError(error.message) from error
        self._require(caller, f"{SERVICE}:{operation}", _find_resource(request))
        return self._operations[operation](caller, request)

    # -- agents and locations --

    def _create_agent(self, caller: tuple, request: dict) -> dict:
        return {"AgentArn": self._add(Agent, "agent", caller, request).arn}

    def _describe_agent(self, caller: tuple, request: dict) -> dict:
        agent = self.store.find(Agent, request["AgentArn"], caller[1:])
        return self._show_agent(agent) | {
            "CreationTime": agent.created,
            "LastConnectionTime": time.time(),
            "EndpointType": "PUBLIC",
        }

    def _show_agent(self, agent: Agent) -> dict:
        is_online = agent.is_online and agent.arn not in self.controls.offline_agents
        name = agent.request.get("AgentName", "")
        return {"AgentArn": agent.arn, "Name": name, "Status": "ONLINE" if is_online else "OFFLINE"}

    def _list_agents(self, caller: tuple, _request: dict) -> dict:
        return {"Agents": [self._show_agent(agent) for agent in self.store.list(Agent, caller[1:])]}

    def _delete_agent(self, caller: tuple, request: dict) -> dict:
        self.store.remove(self.store.find(Agent, request["AgentArn"], caller[1:]))
        return {}

    def _create_location(self, caller: tuple, request: dict, kind: str) -> dict:
        place = request.get("Subdirectory", "")
        if kind == "S3":
            check_prefix(place)
            self._require_pass_role(caller, request["S3Config"]["BucketAccessRoleArn"])
            uri = f"s3://{request['S3BucketArn'].rpartition(':')[2]}/{place.strip('/')}"
        else:
            uri = f"{kind.lower()}://{request['ServerHostname']}/{place.strip('/')}"
        for agent in request.get("AgentArns") or request.get("OnPremConfig", {}).get("AgentArns", []):
            self.store.find(Agent, agent, caller[1:])
        location = self._add(Location, "location/loc", caller, _hide(request), kind=kind, uri=uri.rstrip("/") + "/")
        return {"LocationArn": location.arn}

    def _describe_location(self, caller: tuple, request: dict, kind: str) -> dict:
        location = self.store.find(Location, request["LocationArn"], caller[1:])
        if location.kind != kind:
            raise InvalidRequestError(f"{location.arn} is not a location of {kind}.")
        return describe_location(location)

    def _list_locations(self, caller: tuple, _request: dict) -> dict:
        return {"Locations": [identify_location(each) for each in self.store.list(Location, caller[1:])]}

    def _delete_location(self, caller: tuple, request: dict) -> dict:
        location = self.store.find(Location, request["LocationArn"], caller[1:])
        ends = ("SourceLocationArn", "DestinationLocationArn")
        if any(location.arn in map(task.request.get, ends) for task in self.store.list(Task, caller[1:])):
            raise InvalidRequestError(f"{location.arn} is used by a task.")
        self.store.remove(location)
        return {}

    # -- tasks --

    def _create_task(self, caller: tuple, request: dict) -> dict:
        ends = [
            self.store.find(Location, request[f"{end}LocationArn"], caller[1:]) for end in ("Source", "Destination")
        ]
        check_task(request, *ends)
        self._require_roles(caller, request)
        if request.get("TaskMode") == "ENHANCED":
            role = f"arn:aws:iam::{caller[1]}:role/{LINKED_ROLE}"
            self._require(caller, "iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": PRINCIPAL})
        return {"TaskArn": self._add(Task, "task/task", caller, request).arn}

    def _update_task(self, caller: tuple, request: dict) -> dict:
        task = self._find_task(caller, request)
        changed = {key: value for key, value in (task.request | request).items() if key != "TaskArn"}
        ends = [
            self.store.find(Location, changed[f"{end}LocationArn"], caller[1:]) for end in ("Source", "Destination")
        ]
        check_task(changed, *ends)
        self._require_roles(caller, request)
        task.request = changed
        return {}

    def _check_task(self, caller: tuple, request: dict) -> None:
        ends = ("SourceLocationArn", "DestinationLocationArn")
        check_task(request, *(self.store.find(Location, request[end], caller[1:]) for end in ends))

    def _describe_task(self, caller: tuple, request: dict) -> dict:
        task = self._find_task(caller, request)
        return describe_task(task, self._find_status(task))

    def _find_status(self, task: Task) -> str:
        if task.open_executions:
            return "RUNNING"
        source = self.store.find(Location, task.request["SourceLocationArn"], (task.account, task.region))
        is_offline = any(agent in self.controls.offline_agents for agent in source.agents)
        return "UNAVAILABLE" if is_offline else "AVAILABLE"

    def _list_tasks(self, caller: tuple, _request: dict) -> dict:
        tasks = self.store.list(Task, caller[1:])
        names = [{"Name": each.request["Name"]} if "Name" in each.request else {} for each in tasks]
        shown = [{"TaskArn": each.arn, "Status": self._find_status(each), "TaskMode": each.mode} for each in tasks]
        return {"Tasks": [entry | name for entry, name in zip(shown, names, strict=True)]}

    def _delete_task(self, caller: tuple, request: dict) -> dict:
        task = self._find_task(caller, request)
        for execution in task.open_executions:
            execution.cancelled.set()
        self.store.remove(task)
        return {}

    def _find_task(self, caller: tuple, request: dict) -> Task:
        return self.store.find(Task, request["TaskArn"], caller[1:])

    # -- executions --

    def _start(self, caller: tuple, request: dict) -> dict:
        task = self._find_task(caller, request)
        options = task.options | request.get("OverrideOptions", {})
        check_options(task.mode, options, request.get("ManifestConfig", task.request.get("ManifestConfig")))
        self._require_roles(caller, request)
        with self.store.lock:
            if self._find_status(task) == "UNAVAILABLE":
                raise InvalidRequestError(f"{task.arn} is UNAVAILABLE: its agent is offline.")
            if task.open_executions and options["TaskQueueing"] == "DISABLED":
                raise InvalidRequestError(f"{task.arn} is RUNNING, and its executions are not queued.")
            arn = f"{task.arn}/execution/{make_id('exec')}"
            execution = Execution(
                arn=arn, request=request, account=caller[1], region=caller[2], task=task, tags=_read_tags(request)
            )
            task.executions.append(execution)
            self.store.add(execution)
        self._announce(execution)
        self._runner.start(task)
        return {"TaskExecutionArn": execution.arn}

    def _describe_execution(self, caller: tuple, request: dict) -> dict:
        execution = self.store.find(Execution, request["TaskExecutionArn"], caller[1:])
        return describe_execution(execution)

    def _list_executions(self, caller: tuple, request: dict) -> dict:
        tasks = [self._find_task(caller, request)] if "TaskArn" in request else self.store.list(Task, caller[1:])
        executions = [each for task in tasks for each in task.executions]
        first, size = int(request.get("NextToken", 0)), request.get("MaxResults") or 100
        page = executions[first : first + size]
        more = {"NextToken": str(first + size)} if first + size < len(executions) else {}
        shown = [{"TaskExecutionArn": each.arn, "Status": each.state, "TaskMode": each.task.mode} for each in page]
        return {"TaskExecutions": shown} | more

    def _cancel(self, caller: tuple, request: dict) -> dict:
        execution = self.store.find(Execution, request["TaskExecutionArn"], caller[1:])
        if execution.state in ENDED:
            raise InvalidRequestError(f"{execution.arn} has ended.")
        execution.cancelled.set()
        return {}

    # -- tags --

    def _tag(self, caller: tuple, request: dict) -> dict:
        self._find_any(caller, request).tags.update(_read_tags(request))
        return {}

    def _untag(self, caller: tuple, request: dict) -> dict:
        resource = self._find_any(caller, request)
        for key in request["Keys"]:
            resource.tags.pop(key, None)
        return {}

    def _list_tags(self, caller: tuple, request: dict) -> dict:
        tags = self._find_any(caller, request).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _find_any(self, caller: tuple, request: dict) -> Resource:
        return self.store.find(Resource, request["ResourceArn"], caller[1:])

    # -- permissions and events --

    def _add(self, resource_type: type, word: str, caller: tuple, request: dict, **more: object) -> object:
        _, account, region = caller
        folder, _, name = word.rpartition("/")
        path = f"{folder}/{make_id(name)}" if folder else f"agent/{make_id(name)}"
        arn = f"arn:aws:{SERVICE}:{region}:{account}:{path}"
        resource = resource_type(
            arn=arn, request=request, account=account, region=region, tags=_read_tags(request), **more
        )
        self.store.add(resource)
        return resource

    def _require_roles(self, caller: tuple, request: dict) -> None:
        """Check that the caller may pass the roles of a manifest and of a report."""
        report = request.get("TaskReportConfig", {}).get("Destination", {}).get("S3", {})
        manifest = request.get("ManifestConfig", {}).get("Source", {}).get("S3", {})
        for target in (report, manifest):
            if target:
                self._require_pass_role(caller, target["BucketAccessRoleArn"])

    def _require_pass_role(self, caller: tuple, role: str) -> None:
        self._require(caller, "iam:PassRole", role, {"iam:PassedToService": PRINCIPAL})

    def _require(self, caller: tuple, action: str, resource: str, context: dict | None = None) -> None:
        if not caller[0]:
            return  # CloudFormation of the embedded AWS, which does not check its callers' permissions either
        service = action.partition(":")[0]
        refusal = self._account.call("find_refusal", caller, action, resource, context or {}, service)
        if refusal is not None:
            raise AccessDeniedError(refusal)

    def _announce(self, execution: Execution) -> None:
        """Put the event of a state change. Events of DataSync are sent on a best effort basis."""
        if self.controls.lost_events:
            return
        event = {
            "Source": "aws.datasync",
            "DetailType": "DataSync Task Execution State Change",
            "Resources": [execution.arn],
            "Detail": json.dumps({"State": execution.state}),
            "EventBusName": "default",
        }
        self._account.call("put_event", event, execution.account, execution.region)


def _find_resource(request: dict) -> str:
    """Return the ARN that an operation is about; "*" for those that create or list."""
    names = ("TaskExecutionArn", "TaskArn", "LocationArn", "AgentArn", "ResourceArn")
    return next((request[name] for name in names if name in request), "*")


def _hide(request: dict) -> dict:
    """Return a request without what no response shows."""
    return {name: value for name, value in request.items() if name not in ("Password", "KerberosKeytab")}


def _read_tags(request: dict) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}
