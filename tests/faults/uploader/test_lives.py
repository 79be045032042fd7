"""Each file arrives exactly once and whole, whatever happens to the processes that send it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["local.fixtures"]


def play(aws, repository, seed: int, seeds: int, module: str = "lives") -> None:
    command = [sys.executable, "-m", f"tests.faults.uploader.{module}", "--endpoint", aws.endpoint]
    words = [*command, "--seed", str(seed), "--seeds", str(seeds)]
    process = subprocess.run(words, cwd=repository, env=aws.environment(), capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr


def test_nothing_is_lost_torn_or_sent_twice(aws, repository):
    play(aws, repository, 1, 3)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(101, 201, 10))
def test_nothing_is_lost_torn_or_sent_twice_for_long(aws, repository, seed):
    play(aws, repository, seed, 10)


@pytest.mark.long
def test_a_watch_with_bundles_loses_nothing_and_sends_nothing_twice(aws, repository):
    play(aws, repository, 1, 3, "watch_lives")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(101, 201, 10))
def test_a_watch_with_bundles_loses_nothing_and_sends_nothing_twice_for_long(aws, repository, seed):
    play(aws, repository, seed, 10, "watch_lives")
