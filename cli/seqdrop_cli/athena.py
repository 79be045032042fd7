"""Questions to Athena: the saved queries of a workgroup, and their answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from seqdrop_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POLL = 0.5  # seconds
PATIENCE = 1800.0  # seconds: Athena itself stops a query after 30 minutes
LIVE = ("QUEUED", "RUNNING")
CONVERSIONS: dict[str, Callable[[str], object]] = {
    **dict.fromkeys(("bigint", "integer", "smallint", "tinyint"), int),
    **dict.fromkeys(("double", "float", "real", "decimal"), float),
    "boolean": lambda text: text == "true",
}


class QueryError(CommandError):
    """A query that failed; the message has Athena's reason and what to do."""


class AthenaClient(Protocol):
    """The operations of Athena that are called. Their keywords and responses are those of boto3."""

    def list_named_queries(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """List the ids of saved queries."""

    def batch_get_named_query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Get saved queries."""

    def start_query_execution(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Start a query."""

    def get_query_execution(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Get the state of a query."""

    def get_query_results(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Get a page of rows."""

    def stop_query_execution(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        """Stop a query."""


@dataclass(frozen=True)
class SavedQuery:
    """A query that the stack saved in its workgroup."""

    name: str
    database: str
    sql: str


@dataclass(frozen=True)
class Answer:
    """The rows of an answer, with numbers where Athena's type is one, and the bytes that the query read."""

    columns: list[str]
    rows: list[list[object]] = field(default_factory=list)
    scanned: int = 0


def find_query(athena: AthenaClient, workgroup: str, name: str) -> SavedQuery:
    """Return a saved query by its name. Raise QueryError if the workgroup has none of this name."""
    request: dict[str, Any] = {"WorkGroup": workgroup}
    while True:
        page = athena.list_named_queries(**request)
        ids = page["NamedQueryIds"]
        queries = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"] if ids else []
        for query in queries:
            if query["Name"] == name:
                return SavedQuery(name, query["Database"], query["QueryString"])
        if not page.get("NextToken"):
            raise QueryError(f"the workgroup {workgroup} has no query {name!r}; deploy the stack with Catalogue=true")
        request["NextToken"] = page["NextToken"]


def ask(athena: AthenaClient, workgroup: str, query: SavedQuery, parameters: Sequence[str] = ()) -> Answer:
    """Return the answer to a saved query; `parameters` are SQL literals, one for each question mark.

    Ctrl-C stops the query, which is billed for what it has read. Raise QueryError if it fails.
    """
    request: dict[str, Any] = {"ExecutionParameters": list(parameters)} if parameters else {}
    started = athena.start_query_execution(
        QueryString=query.sql, QueryExecutionContext={"Database": query.database}, WorkGroup=workgroup, **request
    )
    query_id = started["QueryExecutionId"]
    try:
        execution = _wait(athena, query_id)
    except KeyboardInterrupt:
        athena.stop_query_execution(QueryExecutionId=query_id)
        raise
    return _fetch(athena, query_id, execution["Statistics"].get("DataScannedInBytes", 0))


def _wait(athena: AthenaClient, query_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        status = execution["Status"]
        if status["State"] == "SUCCEEDED":
            return execution
        if status["State"] not in LIVE:
            raise QueryError(_explain(query_id, status))
        if time.monotonic() > deadline:
            raise QueryError(f"query {query_id} did not end within half an hour; look at it in Athena's console")
        time.sleep(POLL)


def _explain(query_id: str, status: dict[str, Any]) -> str:
    reason, error = status.get("StateChangeReason", "no reason"), status.get("AthenaError", {})
    if "Bytes scanned limit" in reason:
        return f"query {query_id} would read more than CatalogueScanBytes allows: raise the parameter (sam deploy)"
    advice = "try again" if error.get("Retryable") else "trying again does not help"
    return f"query {query_id} {status['State'].lower()}: {reason}; {advice}"


def _fetch(athena: AthenaClient, query_id: str, scanned: int) -> Answer:
    request: dict[str, Any] = {"QueryExecutionId": query_id}
    rows: list[list[object]] = []
    while True:
        page = athena.get_query_results(**request)
        columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        data = page["ResultSet"]["Rows"]
        if "NextToken" not in request:
            data = data[1:]  # the titles
        rows += [_convert(row["Data"], columns) for row in data]
        if not page.get("NextToken"):
            return Answer([column["Name"] for column in columns], rows, scanned)
        request["NextToken"] = page["NextToken"]


def _convert(cells: list[dict[str, str]], columns: list[dict[str, Any]]) -> list[object]:
    """Return a row with numbers where the type of the column says so, and None for NULL."""
    return [
        CONVERSIONS.get(column["Type"], str)(cell["VarCharValue"]) if "VarCharValue" in cell else None
        for cell, column in zip(cells, columns, strict=True)
    ]


def quote(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
