"""The modules of model_code/protein as the container sees them: siblings on sys.path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.unit.model_code.protein import data, published

CODE = Path(__file__).resolve().parents[4] / "model_code" / "protein"
sys.path.insert(0, str(CODE))


@pytest.fixture(scope="session")
def protein_code() -> Path:
    return CODE


@pytest.fixture(scope="session")
def protein_train():
    """train.py under a name of its own: other model folders have one too."""
    spec = importlib.util.spec_from_file_location("protein_train", CODE / "train.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def overfit_data(tmp_path_factory) -> Path:
    """32 proteins whose residues tell their class, the same in all splits: a model that learns at all knows them."""
    return data.write(tmp_path_factory.mktemp("overfit"), data.proteins(32), same=True)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """A folder as published, its network one or two layers small, for each model."""
    root = tmp_path_factory.mktemp("published")
    return {
        "prott5": published.write(root / "prot_t5", "prot_t5_xl_half_uniref50-enc", published.SMALL_T5),
        "protbert": published.write(root / "prot_bert", "prot_bert_bfd", published.SMALL_BERT),
    }
