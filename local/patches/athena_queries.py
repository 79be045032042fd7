"""Athena's saved queries in CloudFormation, execution parameters, and workgroups whose settings are enforced.

ministack lacks the resource AWS::Athena::NamedQuery, ignores ExecutionParameters, and prefers the place that a request
names for its answer.
"""

from __future__ import annotations

from ministack.core.responses import error_response_json
from ministack.services import athena
from ministack.services.cloudformation import provisioners

NAMED_QUERY = "AWS::Athena::NamedQuery"


class ParameterError(Exception):
    """A query with more or fewer question marks than parameters."""


def apply() -> None:
    """Add the resource, and change requests before ministack runs them."""
    provisioners._RESOURCE_HANDLERS[NAMED_QUERY] = {"create": _create, "update": _update, "delete": _delete}
    start = athena._start_query_execution

    def start_with_parameters(data: dict) -> tuple:
        try:
            query = fill_in(data.get("QueryString", ""), data.get("ExecutionParameters") or [])
        except ParameterError as error:
            return error_response_json("InvalidRequestException", str(error), 400)
        return start({**_enforce(data), "QueryString": query})

    athena._start_query_execution = start_with_parameters


def fill_in(query: str, parameters: list[str]) -> str:
    """Return a query with a parameter, an SQL literal, in place of each question mark outside texts and comments."""
    marks = [token[2] for token in athena._sql_tokens(query) if token[:2] == ("punct", "?")]
    if len(marks) != len(parameters):
        raise ParameterError(f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}")
    for position, literal in reversed(list(zip(marks, parameters, strict=True))):
        query = query[:position] + literal + query[position + 1 :]
    return query


def _enforce(data: dict) -> dict:
    workgroup = athena._workgroups.get(data.get("WorkGroup", "primary"), {})
    if workgroup.get("Configuration", {}).get("EnforceWorkGroupConfiguration"):
        return {name: value for name, value in data.items() if name != "ResultConfiguration"}
    return data


def _create(_logical_id: str, props: dict, _stack: str) -> tuple[str, dict]:
    before = set(athena._named_queries)
    athena._create_named_query(props)
    (query_id,) = set(athena._named_queries) - before
    return query_id, {"NamedQueryId": query_id}


def _update(physical_id: str, _old: dict, new: dict, stack: str) -> tuple[str, dict]:
    """Replace the query, as CloudFormation does: none of its properties can be changed."""
    created = _create("", new, stack)
    _delete(physical_id, new)
    return created


def _delete(physical_id: str, _props: dict) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})
