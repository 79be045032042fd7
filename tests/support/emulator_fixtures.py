"""The fixture `runtime`: `pytest_plugins = ["tests.support.emulator_fixtures"]` in a test module."""

from __future__ import annotations

import pytest

from tests.support.emulator import NoEmulatorError, Runtime


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> Runtime:
    try:
        return Runtime.make(tmp_path_factory.mktemp("runtime"))
    except NoEmulatorError as error:
        pytest.skip(str(error))
