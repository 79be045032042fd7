"""The one clock. Nobody else asks for the time, so that a test may set it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
