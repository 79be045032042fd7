"""Fixtures of the clients. They are created once per module, because that takes longer than a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.families import COPIES, FILES, LARGE, SETS
from tests.support.aws.wire import Wire, wire_services

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with wire_services(FILES.analyses, **FILES.settings) as wire:
        yield wire


@pytest.fixture(scope="module")
def sets_wire() -> Iterator[Wire]:
    with wire_services(SETS.analyses, **SETS.settings) as wire:
        yield wire


@pytest.fixture(scope="module")
def copies_wire() -> Iterator[Wire]:
    with wire_services(COPIES.analyses, **COPIES.settings) as wire:
        yield wire


@pytest.fixture(scope="module")
def large_wire() -> Iterator[Wire]:
    with wire_services(LARGE.analyses, **LARGE.settings) as wire:
        yield wire
