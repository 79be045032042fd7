"""The modules of model_code/protein as the container sees them: siblings on sys.path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).resolve().parents[4] / "model_code" / "protein"
sys.path.insert(0, str(CODE))


def load_by_path(name: str):
    """A module under a name of its own: other model folders have an inference.py and a train.py too."""
    spec = importlib.util.spec_from_file_location(f"protein_{name}", CODE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny models are slower on more."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def inference():
    return load_by_path("inference")
