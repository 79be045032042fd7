"""The resources of calls about several alarms: the alarms themselves. The first is checked.

ministack asks for "*", so a policy that names alarms would never allow such a call. Source: the Service Authorization
Reference of CloudWatch, whose DescribeAlarms and DeleteAlarms have the resource type alarm.
"""

from __future__ import annotations

import json

from ministack.core import iam_actions

OPERATIONS = ("DescribeAlarms", "DeleteAlarms")


def apply() -> None:
    """Return the ARN of the first alarm that such a call names."""
    extract = iam_actions.extract_resource_arn

    def extract_alarm(service: str, method: str, path: str, headers: dict, body: bytes, *more: object) -> str:
        arn = extract(service, method, path, headers, body, *more)
        region, account = more[-2:]
        name = _first_alarm(headers, body) if service == "monitoring" and arn == "*" else ""
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}" if name else arn

    iam_actions.extract_resource_arn = extract_alarm


def _first_alarm(headers: dict, body: bytes) -> str:
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if target.rpartition(".")[2] not in OPERATIONS:
        return ""
    names = json.loads(body or b"{}").get("AlarmNames") or [""]
    return str(names[0])
