"""Looks come soon after changes, rarely without, in time for alarms, and never for much CPU time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from seqdrop_cli.uploader.schedule import LONGEST, SHORTEST, Schedule

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def pause(schedule: Schedule, *, has_changed=False, longest=LONGEST, cost=0.0, alarm=None) -> timedelta:
    schedule.wait(NOW, has_changed=has_changed, longest=longest, cost=cost, alarm=alarm)
    return schedule.due - NOW


def test_a_new_folder_is_due_and_a_waiting_one_is_not():
    schedule = Schedule()
    assert schedule.is_due(NOW)
    wait = pause(schedule, has_changed=True)
    assert not schedule.is_due(NOW + wait - timedelta(seconds=1))
    assert schedule.is_due(NOW + wait)


def test_pauses_double_without_changes_up_to_the_longest():
    schedule = Schedule()
    pauses = [pause(schedule) for _ in range(8)]
    assert pauses[:3] == [2 * SHORTEST, 4 * SHORTEST, 8 * SHORTEST]
    assert pauses[-1] == LONGEST
    assert pause(schedule, has_changed=True) == SHORTEST


def test_a_costly_look_is_rare():
    assert pause(Schedule(), has_changed=True, cost=3.0) == timedelta(seconds=150)


def test_an_alarm_is_not_missed_and_not_a_reason_to_hurry():
    schedule = Schedule()
    for _ in range(8):
        pause(schedule)
    assert pause(schedule, alarm=NOW + timedelta(seconds=90)) == timedelta(seconds=90)
    assert pause(schedule, alarm=NOW + timedelta(seconds=1)) == SHORTEST
    assert pause(schedule, alarm=NOW - timedelta(seconds=1)) == LONGEST
    assert pause(schedule, alarm=NOW + timedelta(days=1)) == LONGEST
