"""The alarms that watch a deployment, read with the permissions of the endpoint's execution role."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from local.sagemaker.model_records import Model
    from local.sagemaker.roles import Roles


class AlarmsUnreadableError(Exception):
    """The role may not read the alarms, or one does not exist."""


def find_tripped(names: list[str], model: Model, roles: Roles) -> list[str]:
    """Return the alarms that are in state ALARM; raise AlarmsUnreadableError if one cannot be read."""
    if not names:
        return []
    keys = roles.credentials(model.role)
    with contextlib.closing(roles.client("cloudwatch", keys, model.region)) as client:
        try:
            response = client.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        except (BotoCoreError, ClientError) as error:
            raise AlarmsUnreadableError(
                f'the role "{model.role}" needs "cloudwatch:DescribeAlarms" on the alarms of the deployment: {error}'
            ) from error
    alarms = response.get("MetricAlarms", []) + response.get("CompositeAlarms", [])
    if absent := sorted(set(names) - {alarm["AlarmName"] for alarm in alarms}):
        raise AlarmsUnreadableError(f"there is no alarm {', '.join(absent)}")
    return [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]
