"""The operations of HealthOmics: validated, authorised, performed."""

from __future__ import annotations

import io
import threading
import zipfile
from typing import TYPE_CHECKING

from local.omics import rest
from local.omics.behaviour import Behaviour
from local.omics.errors import ConflictError, DeniedError, NotFoundError, OmicsError
from local.omics.events import Announcer
from local.omics.records import Run, RunGroup, Workflow
from local.omics.runner import Runner
from local.omics.store import Caller, Store
from local.sagemaker import shapes
from local.sagemaker.errors import ServiceError
from local.sagemaker.roles import Roles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.account import Account
    from local.omics.store import Resource

PRINCIPAL = "omics.amazonaws.com"
MAIN = {"WDL": "main.wdl", "WDL_LENIENT": "main.wdl", "NEXTFLOW": "main.nf", "CWL": "main.cwl"}
PAGE = 100


class Nearby:
    """An Account of this process, with the interface of a proxy."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def call(self, method: str, *arguments: object) -> object:
        """Return the result of a method of the account."""
        return getattr(self._account, method)(*arguments)


class Omics:
    """The service. Call it from any thread except that of ministack's event loop."""

    def __init__(self, account: Account, endpoint: str) -> None:
        self.behaviour = Behaviour()
        self._account = account
        self._roles = Roles(endpoint, Nearby(account), PRINCIPAL)
        self._announce = Announcer(account, self.behaviour)
        self._runner = Runner(self._roles, self.behaviour, self._announce)
        self._store = Store()
        self._lock = threading.Lock()
        self.operations: dict[str, Callable[[Caller, dict], dict]] = {
            "CreateWorkflow": self._create_workflow,
            "GetWorkflow": self._get_workflow,
            "ListWorkflows": self._list_workflows,
            "DeleteWorkflow": self._delete_workflow,
            "CreateRunGroup": self._create_group,
            "GetRunGroup": self._get_group,
            "ListRunGroups": self._list_groups,
            "DeleteRunGroup": self._delete_group,
            "StartRun": self._start_run,
            "GetRun": self._get_run,
            "ListRuns": self._list_runs,
            "CancelRun": self._cancel_run,
            "DeleteRun": self._delete_run,
            "ListRunTasks": self._list_tasks,
            "GetRunTask": self._get_task,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def respond(
        self, method: str, path: str, query: Mapping[str, object], body: bytes, caller: Caller
    ) -> rest.Response:
        """Return status, headers and body of the response to a request."""
        try:
            route = rest.find_operation(self.operations, method, path)
            if route is None:
                raise OmicsError(f"The embedded HealthOmics has no operation {method} {path}")
            operation, in_path = route
            request = rest.read_request(operation, in_path, query, body)
            _validate(operation, request)
            return rest.write_response(operation, self.operations[operation](caller, request))
        except OmicsError as error:
            return rest.write_error(error)

    # -- workflows and run groups --

    def _create_workflow(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:CreateWorkflow", caller.arn("workflow"), request)
        _check_definition(request)

        def make() -> Workflow:
            kept = {name: value for name, value in request.items() if name != "definitionZip"}
            return Workflow(kept, *caller.scope, request["definitionZip"], dict(request.get("tags", {})))

        workflow = self._store.once("CreateWorkflow", caller, request, make)
        described = workflow.describe()
        return {name: described[name] for name in ("arn", "id", "status", "tags", "uuid")}

    def _get_workflow(self, caller: Caller, request: dict) -> dict:
        if request.get("type") == "READY2RUN":
            return _describe_ready(caller, request["id"])
        self._require(caller, "omics:GetWorkflow", caller.arn("workflow", request["id"]), request)
        return self._store.find(caller, Workflow, request["id"]).describe()

    def _list_workflows(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:ListWorkflows", "*", request)
        names = ("arn", "id", "name", "status", "type", "digest", "creationTime")
        every = (each.describe() for each in self._store.list(caller, Workflow))
        workflows = [each for each in every if request.get("name") in (None, each["name"])]
        return _page([{name: each.get(name) for name in names} for each in workflows], request)

    def _delete_workflow(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:DeleteWorkflow", caller.arn("workflow", request["id"]), request)
        return self._store.remove(self._store.find(caller, Workflow, request["id"]))

    def _create_group(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:CreateRunGroup", caller.arn("runGroup"), request)
        group = self._store.once(
            "CreateRunGroup", caller, request, lambda: RunGroup(request, *caller.scope, dict(request.get("tags", {})))
        )
        return {"arn": group.arn, "id": group.id, "tags": group.tags}

    def _get_group(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:GetRunGroup", caller.arn("runGroup", request["id"]), request)
        return self._store.find(caller, RunGroup, request["id"]).describe()

    def _list_groups(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:ListRunGroups", "*", request)
        return _page([group.describe() for group in self._store.list(caller, RunGroup)], request)

    def _delete_group(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:DeleteRunGroup", caller.arn("runGroup", request["id"]), request)
        return self._store.remove(self._store.find(caller, RunGroup, request["id"]))

    # -- runs --

    def _start_run(self, caller: Caller, request: dict) -> dict:
        if "workflowId" not in request:
            raise OmicsError("workflowId is required: the embedded HealthOmics repeats no run by its id")
        owner = "" if request.get("workflowType") == "READY2RUN" else request.get("workflowOwnerId", caller.account)
        workflow_arn = f"arn:aws:omics:{caller.region}:{owner}:workflow/{request['workflowId']}"
        self._require(caller, "omics:StartRun", workflow_arn, request)
        self._require(caller, "omics:StartRun", caller.arn("run"), request)
        if group := request.get("runGroupId"):
            self._require(caller, "omics:StartRun", caller.arn("runGroup", group), request)
        if request.get("tags"):
            self._require(caller, "omics:TagResource", caller.arn("run"), request)
        self._require(caller, "iam:PassRole", request["roleArn"], request, {"iam:PassedToService": PRINCIPAL})
        try:
            self._roles.check_trust(request["roleArn"])
        except ServiceError as error:
            raise OmicsError(error.message) from error
        with self._lock:
            active = sum(not run.has_ended for run in self._store.list(caller, Run))
            self.behaviour.admit(active)
            workflow = self._find_workflow(caller, request)
            if group:
                self._store.find(caller, RunGroup, group)
            new = Run(request, *caller.scope, workflow, caller.access_key)
            run = self._store.once("StartRun", caller, request, lambda: new)
        if run is new:
            self._runner.start(run)
        names = ("arn", "id", "status", "tags", "uuid", "runOutputUri")
        return {name: run.describe()[name] for name in names}

    def _find_workflow(self, caller: Caller, request: dict) -> Workflow | None:
        if request.get("workflowType") == "READY2RUN":
            return None
        scope = Caller(caller.access_key, request.get("workflowOwnerId", caller.account), caller.region)
        return self._store.find(scope, Workflow, request["workflowId"])

    def _get_run(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:GetRun", caller.arn("run", request["id"]), request)
        return self._store.find(caller, Run, request["id"]).describe()

    def _list_runs(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:ListRuns", "*", request)
        runs = [
            run.list_entry()
            for run in self._store.list(caller, Run)
            if request.get("name") in (None, run.request.get("name"))
            and request.get("status") in (None, run.status)
            and request.get("runGroupId") in (None, run.request.get("runGroupId"))
        ]
        return _page(runs, request)

    def _cancel_run(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:CancelRun", caller.arn("run", request["id"]), request)
        run = self._store.find(caller, Run, request["id"])
        if run.has_ended:
            raise ConflictError(f"The run {run.id} has ended")
        run.cancelled.set()
        if run.move("STOPPING"):
            self._announce(run)
        return {}

    def _delete_run(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:DeleteRun", caller.arn("run", request["id"]), request)
        run = self._store.find(caller, Run, request["id"])
        if not run.has_ended:
            raise ConflictError(f"The run {run.id} has not ended")
        self._store.remove(run)
        run.status = "DELETED"
        self._announce(run)
        return {}

    def _list_tasks(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:ListRunTasks", caller.arn("run", request["id"]), request)
        task = self._store.find(caller, Run, request["id"]).task
        return _page([task] if task else [], request)

    def _get_task(self, caller: Caller, request: dict) -> dict:
        self._require(caller, "omics:GetRunTask", caller.arn("run", request["id"]), request)
        task = self._store.find(caller, Run, request["id"]).task
        if not task or task["taskId"] != request["taskId"]:
            raise NotFoundError(f"The run has no task {request['taskId']}")
        return task

    # -- tags --

    def _tag(self, caller: Caller, request: dict) -> dict:
        resource = self._find_tagged(caller, "omics:TagResource", request)
        resource.tags.update(request["tags"])
        return {}

    def _untag(self, caller: Caller, request: dict) -> dict:
        resource = self._find_tagged(caller, "omics:UntagResource", request)
        for key in request["tagKeys"]:
            resource.tags.pop(key, None)
        return {}

    def _list_tags(self, caller: Caller, request: dict) -> dict:
        return {"tags": self._find_tagged(caller, "omics:ListTagsForResource", request).tags}

    def _find_tagged(self, caller: Caller, action: str, request: dict) -> Resource:
        arn = request["resourceArn"]
        self._require(caller, action, arn, request)
        return self._store.find_arn(arn)

    # -- what all share --

    def _require(
        self, caller: Caller, action: str, resource: str, request: dict, more: Mapping[str, str] | None = None
    ) -> None:
        tags = {f"aws:RequestTag/{key}": value for key, value in request.get("tags", {}).items()}
        who = (caller.access_key, *caller.scope)
        service = action.partition(":")[0]
        refusal = self._account.find_refusal(who, action, resource, tags | dict(more or {}), service)
        if refusal is not None:
            raise DeniedError(refusal)


def _validate(operation: str, request: dict) -> None:
    try:
        shapes.check(operation, request, rest.SERVICE)
    except ServiceError as error:
        raise OmicsError(error.message) from error


def _check_definition(request: dict) -> None:
    """Raise OmicsError unless the request has a zip with the main file of its engine."""
    if "definitionZip" not in request:
        raise OmicsError("definitionZip is required: the embedded HealthOmics reads no definition from elsewhere")
    try:
        names = zipfile.ZipFile(io.BytesIO(request["definitionZip"])).namelist()
    except zipfile.BadZipFile as error:
        raise OmicsError("definitionZip is not a zip archive") from error
    engine = request.get("engine", next((engine for engine, main in MAIN.items() if main in names), "WDL"))
    main = request.get("main", MAIN[engine])
    if main not in names:
        raise OmicsError(f"the definition has no {main}, the main file of engine {engine}")
    request.setdefault("engine", engine)


def _describe_ready(caller: Caller, name: str) -> dict:
    arn = f"arn:aws:omics:{caller.region}::workflow/{name}"
    return {"arn": arn, "id": name, "name": f"Ready2Run workflow {name}", "status": "ACTIVE", "type": "READY2RUN"}


def _page(items: list[dict], request: dict) -> dict:
    first, size = int(request.get("startingToken") or 0), request.get("maxResults") or PAGE
    token = str(first + size) if first + size < len(items) else None
    return {"items": items[first : first + size], "nextToken": token}
