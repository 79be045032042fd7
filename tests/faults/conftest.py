"""Clients are made once: that takes longer than a schedule."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.files import ANALYSES, SETTINGS
from tests.support.aws.wire import Wire, wired


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with wired(ANALYSES, **SETTINGS) as made:
        yield made
