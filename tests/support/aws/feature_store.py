"""Feature Store in memory: of each record the version with the latest event time, and every version in order.

tests/contract/test_embedded_features.py compares it with the embedded AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable


class FeatureStore:
    """Groups by name, each with the names of its features. `before_put` is called before each write of a record."""

    def __init__(self, groups: dict[str, list[str]], identifier: str = "upload_id", clock: str = "event_time"):
        self.groups, self._identifier, self._clock = groups, identifier, clock
        self._online: dict[tuple[str, str], dict[str, str] | None] = {}
        self._times: dict[tuple[str, str], str] = {}
        self.offline: dict[str, list[dict[str, str]]] = {name: [] for name in groups}
        self.before_put: Callable[[], None] = lambda: None

    def describe_feature_group(self, FeatureGroupName: str) -> dict:
        return {"FeatureDefinitions": [{"FeatureName": name} for name in self._features(FeatureGroupName)]}

    def get_record(self, FeatureGroupName: str, RecordIdentifierValueAsString: str) -> dict:
        self._features(FeatureGroupName)
        values = self._online.get((FeatureGroupName, RecordIdentifierValueAsString))
        if values is None:
            return {}
        return {"Record": [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]}

    def put_record(self, FeatureGroupName: str, Record: list[dict[str, str]]) -> dict:
        self.before_put()
        values = {each["FeatureName"]: each["ValueAsString"] for each in Record}
        if values.keys() - set(self._features(FeatureGroupName)):
            raise RefusedError("ValidationError")
        self._store(FeatureGroupName, values[self._identifier], values[self._clock], values)
        self.offline[FeatureGroupName].append(values)
        return {}

    def delete_record(self, FeatureGroupName: str, RecordIdentifierValueAsString: str, EventTime: str) -> dict:
        self._store(FeatureGroupName, RecordIdentifierValueAsString, EventTime, None)
        marker = {self._identifier: RecordIdentifierValueAsString, self._clock: EventTime, "is_deleted": "true"}
        self.offline[FeatureGroupName].append(marker)
        return {}

    def _features(self, group: str) -> list[str]:
        if group not in self.groups:
            raise RefusedError("ResourceNotFound")
        return self.groups[group]

    def _store(self, group: str, identifier: str, event_time: str, values: dict[str, str] | None) -> None:
        key = group, identifier
        if event_time > self._times.get(key, ""):
            self._times[key], self._online[key] = event_time, values
