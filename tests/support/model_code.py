"""The modules of model_code/ as their containers import them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

MODEL_CODE = Path(__file__).resolve().parents[2] / "model_code"


def put_on_path(family: str) -> Path:
    """Put a family's folder on the module path and return it. pyproject.toml puts the folder of common/ there."""
    folder = MODEL_CODE / family
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return folder


def load_module(family: str, name: str) -> ModuleType:
    """Import a module under a unique name, because each family has an inference.py and a train.py."""
    spec = importlib.util.spec_from_file_location(f"{family}_{name}", put_on_path(family) / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
