"""Write the features of an upload to the stack's feature groups, and delete those of an upload that was forgotten.

Feature Store keeps, of a record, the version with the latest event time. So a version is written a second after the
version that it replaces: if two invocations replace the same one, the second of them changes nothing, notices that,
and reads everything again. The clock of no machine decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.feature_store import read_record, write_record
from seqdrop.errors import RetryableError
from seqdrop.features.definitions import EVENT_TIME, GROUPS, IDENTIFIER, Group
from seqdrop.features.records import first_event_time, make_records, next_event_time, same_values
from seqdrop.runtime.log import logger
from seqdrop.stages.catalogue.reading import read_facts

if TYPE_CHECKING:
    from seqdrop.catalogue.facts import UploadFacts
    from seqdrop.features.records import Values
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

MAX_ROUNDS = 5


def write_features(services: Services, upload: Upload) -> None:
    """Make the records of an upload agree with the facts about it, and do nothing if they do.

    Raise RetryableError if other invocations have changed them each time.
    """
    written: set[Group] = set()
    for _ in range(MAX_ROUNDS):
        facts = read_facts(services, upload)
        changed = _delete(services, facts) if facts.tombstone else _write(services, facts, written)
        if not changed:
            return
    raise RetryableError("other invocations change the features of this upload")


def _write(services: Services, facts: UploadFacts, written: set[Group]) -> bool:
    """Write the records that differ from the facts; return whether there were any. `written` are the groups so far."""
    differing = [
        (group, values, stored)
        for group, all_values in make_records(facts)
        for values, stored in _compare(services, group, all_values)
    ]
    changed = False
    for group, values, stored in differing:
        if stored is None and group in written:
            # It was deleted by hand, with a later event time: the store shows no version before that.
            logger().warning("a record was deleted", extra={"upload_id": facts.upload.id, "group": group.name})
            continue
        event_time = next_event_time(stored[EVENT_TIME]) if stored else first_event_time(facts.upload)
        write_record(services.feature_store, _name(services, group), {**values, EVENT_TIME: event_time})
        written.add(group)
        changed = True
    return changed


def _compare(services: Services, group: Group, values: Values) -> list[tuple[Values, Values | None]]:
    """Return the values to write and the stored ones if they differ, else nothing.

    A group that an earlier version of Seqdrop made has fewer features, and the service refuses others.
    """
    stored = read_record(services.feature_store, _name(services, group), values[IDENTIFIER])
    if stored and same_values(values, stored):
        return []
    known = _list_features(services, group)
    values = {name: value for name, value in values.items() if name in known}
    return [] if stored and same_values(values, stored) else [(values, stored)]


def _delete(services: Services, facts: UploadFacts) -> bool:
    """Delete the records that exist; return whether there were any."""
    changed = False
    for group in GROUPS:
        name = _name(services, group)
        stored = read_record(services.feature_store, name, facts.upload.id)
        if stored:
            event_time = next_event_time(stored[EVENT_TIME])
            services.feature_store.delete_record(
                FeatureGroupName=name, RecordIdentifierValueAsString=facts.upload.id, EventTime=event_time
            )
            changed = True
    return changed


def _list_features(services: Services, group: Group) -> set[str]:
    described = services.sagemaker.describe_feature_group(FeatureGroupName=_name(services, group))
    return {each["FeatureName"] for each in described["FeatureDefinitions"]}


def _name(services: Services, group: Group) -> str:
    return group.full_name(services.settings.features)
