"""The modules of model_code/protein as the container imports them: siblings on sys.path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.model_code import load_module, put_on_path
from tests.unit.model_code.protein import data, published

if TYPE_CHECKING:
    from pathlib import Path

CODE = put_on_path("protein")


@pytest.fixture(scope="session")
def protein_code() -> Path:
    return CODE


@pytest.fixture(scope="session")
def protein_train():
    return load_module("protein", "train")


@pytest.fixture(scope="session")
def overfit_data(tmp_path_factory) -> Path:
    """32 proteins whose residues determine their class, the same in all splits: a model that learns fits them."""
    return data.write(tmp_path_factory.mktemp("overfit"), data.proteins(32), same=True)


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    """A folder in the published layout for each model, with a small network of two layers."""
    root = tmp_path_factory.mktemp("published")
    return {
        "prott5": published.write(root / "prot_t5", "prot_t5_xl_half_uniref50-enc", published.SMALL_T5),
        "protbert": published.write(root / "prot_bert", "prot_bert_bfd", published.SMALL_BERT),
    }
