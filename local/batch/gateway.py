"""S3 Batch Operations behind ministack's gateway: the operations on jobs, and the permissions that they need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.batch import codec, execution
from local.batch.errors import BatchError, InvalidRequestError
from local.batch.jobs import Jobs
from local.batch.manifest import COLUMNS
from local.sagemaker.roles import Roles

if TYPE_CHECKING:
    from types import ModuleType

    from local.account import Account

PRINCIPAL = "batchoperations.s3.amazonaws.com"
PATH = re.compile(r"/v20180820/jobs(?:/(?P<job>[^/]+)(?:/(?P<part>status|priority))?)?/?")
OPERATIONS = {
    ("POST", False, None): "CreateJob",
    ("GET", False, None): "ListJobs",
    ("GET", True, None): "DescribeJob",
    ("POST", True, "status"): "UpdateJobStatus",
    ("POST", True, "priority"): "UpdateJobPriority",
}
SUPPORTED = "S3InitiateRestoreObject"
XML = {"Content-Type": "application/xml"}
PAGE = 1000


class _Nearby:
    """An Account of this process, with the interface of a proxy."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def call(self, method: str, *arguments: object) -> object:
        return getattr(self._account, method)(*arguments)


def install(app: ModuleType, account: Account, endpoint: str) -> None:
    """Make ministack's gateway serve the paths of jobs, before it answers that it does not know them."""
    batch, serve_others = BatchOperations(app, account, endpoint), app._handle_s3_control_request

    async def serve(
        path: str, method: str, body: bytes, query_params: dict, request_id: str, headers: dict | None = None
    ) -> tuple | None:
        match = PATH.fullmatch(path)
        if match is None:
            return await serve_others(path, method, body, query_params, request_id, headers)
        status, content = batch.respond(method, match, body, query_params, headers or {}, request_id)
        return status, XML | {"x-amzn-requestid": request_id}, content

    app._handle_s3_control_request = serve


class BatchOperations:
    """The service: a request is read, authorised, performed, and answered; `app` is ministack's gateway module."""

    def __init__(self, app: ModuleType, account: Account, endpoint: str) -> None:
        self._app, self._account, self._jobs = app, account, Jobs()
        self._roles = Roles(endpoint, _Nearby(account), PRINCIPAL)
        self._operations = {
            "CreateJob": self._create_job,
            "DescribeJob": self._describe_job,
            "ListJobs": self._list_jobs,
            "UpdateJobStatus": self._update_status,
            "UpdateJobPriority": self._update_priority,
        }

    def respond(
        self, method: str, match: re.Match, body: bytes, query: dict, headers: dict, request_id: str
    ) -> tuple[int, bytes]:
        """Return status and body of the response; an error of ministack's own checks passes unchanged."""
        from ministack.core.responses import get_account_id, get_region

        operation = OPERATIONS.get((method, bool(match["job"]), match["part"]))
        account, region, job = get_account_id(), get_region(), match["job"] or ""
        try:
            if operation is None:
                raise InvalidRequestError("The embedded AWS has no such operation of S3 Control")
            resource = f"arn:aws:s3:{region}:{account}:job/{job}" if job else "*"
            refusal = self._app._enforce_data_plane(
                "s3", f"s3:{operation}", headers, query, request_id, resource_arn=resource
            )
            if refusal:
                return refusal[0], refusal[2]
            self._check_account(headers, account)
            request = codec.read_request(operation, account, job, body, query)
            response = self._operations[operation](request, account, region, headers)
        except BatchError as error:
            return error.status, codec.write_error(error, request_id)
        return 200, codec.write_response(operation, response)

    def _check_account(self, headers: dict, account: str) -> None:
        if headers.get("x-amz-account-id", "") != account:
            raise _denied("Access Denied")

    def _create_job(self, request: dict, account: str, region: str, headers: dict) -> dict:
        _check(request)
        self._require_pass_role(request["RoleArn"], account, region, headers)
        job, is_new = self._jobs.create(request, account, region)
        if is_new:
            execution.start(job, self._roles)
        return {"JobId": job.id}

    def _describe_job(self, request: dict, account: str, region: str, _headers: dict) -> dict:
        return {"Job": self._jobs.find(request["JobId"], account, region).describe()}

    def _list_jobs(self, request: dict, account: str, region: str, _headers: dict) -> dict:
        jobs = self._jobs.list(account, region, tuple(request.get("JobStatuses", ())))
        first, size = _read_token(request.get("NextToken")), request.get("MaxResults") or PAGE
        token = str(first + size) if first + size < len(jobs) else None
        return {"Jobs": [job.list_entry() for job in jobs[first : first + size]], "NextToken": token}

    def _update_status(self, request: dict, account: str, region: str, _headers: dict) -> dict:
        job = self._jobs.find(request["JobId"], account, region)
        job.update(request["RequestedJobStatus"], request.get("StatusUpdateReason"))
        return {"JobId": job.id, "Status": job.status, "StatusUpdateReason": job.reason}

    def _update_priority(self, request: dict, account: str, region: str, _headers: dict) -> dict:
        job = self._jobs.find(request["JobId"], account, region)
        job.request["Priority"] = request["Priority"]
        return {"JobId": job.id, "Priority": request["Priority"]}

    def _require_pass_role(self, role: str, account: str, region: str, headers: dict) -> None:
        caller = (self._app.extract_access_key_id(headers, {}), account, region)
        context = {"iam:PassedToService": PRINCIPAL}
        refusal = self._account.find_refusal(caller, "iam:PassRole", role, context, "s3")
        if refusal is not None:
            raise _denied(refusal)


def _check(request: dict) -> None:
    """Raise InvalidRequestError for a request that the model allows and the service, or the embedded AWS, does not."""
    operation = request["Operation"]
    if len(operation) != 1:
        raise InvalidRequestError("Exactly one operation is required")
    if SUPPORTED not in operation:
        raise InvalidRequestError(f"{next(iter(operation))} is not supported by the embedded AWS")
    if operation[SUPPORTED].get("ExpirationInDays", 0) < 1:
        raise InvalidRequestError("ExpirationInDays must be 1 or greater")
    if "Manifest" not in request or "ManifestGenerator" in request:
        raise InvalidRequestError("A job without a manifest is not supported by the embedded AWS")
    _check_manifest(request["Manifest"]["Spec"])
    _check_report(request["Report"])


def _check_manifest(spec: dict) -> None:
    fields = spec.get("Fields", [])
    if spec["Format"] != "S3BatchOperations_CSV_20180820":
        raise InvalidRequestError(f"A manifest of format {spec['Format']} is not supported by the embedded AWS")
    if not {"Bucket", "Key"} <= set(fields) <= COLUMNS:
        raise InvalidRequestError("Manifest fields must contain Bucket and Key")


def _check_report(report: dict) -> None:
    needed = ("Bucket", "Format", "ReportScope")
    if report["Enabled"] and any(name not in report for name in needed):
        raise InvalidRequestError("An enabled report requires Bucket, Format and ReportScope")


def _read_token(token: str | None) -> int:
    if token and not token.isdigit():
        raise InvalidRequestError("The NextToken is not valid")
    return int(token or 0)


def _denied(message: str) -> BatchError:
    error = BatchError(message)
    error.code, error.status = "AccessDenied", 403
    return error
