"""SEQDROP_THREADS: what a job says of threads, against PyTorch's own count in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from common.processors import count_cores, set_threads

from tests.support.model_code import MODEL_CODE


def counted(**settings) -> str:
    """Threads in a worker as multi-model-server leaves it: OMP_NUM_THREADS is 1 before torch is imported."""
    script = (
        "import os, torch; from common.processors import set_threads; "
        "set_threads(os.environ); print(torch.get_num_threads())"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | settings
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=MODEL_CODE, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_worker_that_is_alone_takes_its_cores_back():
    assert counted(SEQDROP_THREADS="all") == str(count_cores())
    assert counted(SEQDROP_THREADS="3") == "3"
    assert counted(SEQDROP_THREADS="") == "1"


def test_cores_are_no_more_than_the_process_may_use():
    assert 1 <= count_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("wanted", ["0", "-1", "many", "1.5"])
def test_other_settings_are_refused(wanted):
    with pytest.raises(ValueError, match="SEQDROP_THREADS"):
        set_threads({"SEQDROP_THREADS": wanted})
