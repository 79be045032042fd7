"""SEQDROP_THREADS: a job's setting of threads, compared with PyTorch's count in a separate process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from common.processors import count_cores, set_threads, suit_threads

from tests.support.model_code import MODEL_CODE

SCRIPT = """
import sys, torch
from common.processors import set_threads
for setting in sys.argv[1:]:
    set_threads({"SEQDROP_THREADS": setting})
    print(torch.get_num_threads())
"""


def count_threads(*settings: str) -> list[int]:
    """Return the threads of a worker after each setting in turn.

    It is started as multi-model-server does: OMP_NUM_THREADS is 1 before torch is imported.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, *settings]
    done = subprocess.run(command, cwd=MODEL_CODE, env=environment, capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.long
def test_a_worker_uses_the_cores_that_the_job_allows():
    assert count_threads("", "3", "all") == [1, 3, count_cores()]


@pytest.mark.parametrize(
    ("setting", "weights", "threads"), [("true", 400_000, 1), ("true", 85_000_000, 3), ("", 400_000, 3)]
)
def test_an_endpoint_computes_a_small_model_by_one_thread(setting, weights, threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        suit_threads({"SEQDROP_SMALL_BY_ONE_THREAD": setting}, weights)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_there_are_at_most_as_many_cores_as_the_process_may_use():
    assert 1 <= count_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5"])
def test_other_settings_are_refused(setting):
    with pytest.raises(ValueError, match="SEQDROP_THREADS"):
        set_threads({"SEQDROP_THREADS": setting})
