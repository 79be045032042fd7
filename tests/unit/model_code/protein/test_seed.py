"""The bundled seed: it loads, distinguishes helices from strands, and has the figures of its card."""

from __future__ import annotations

import importlib.util
import json

import networks
import pytest
import records
import torch
from scores import Tally


@pytest.fixture(scope="module")
def seed_folder(protein_code):
    return protein_code / "seeds" / "cnn-ss3"


@pytest.fixture(scope="module")
def seed(seed_folder):
    return networks.load(seed_folder)


def test_it_is_small_and_its_card_meets_the_requirements(seed_folder):
    assert sum(path.stat().st_size for path in seed_folder.iterdir()) < 4e6
    card = json.loads((seed_folder / "card.json").read_text())
    assert card["metrics"]["test_q3"] >= 0.70
    assert card["cost"]["cpu_seconds"] <= 2 * 15 * 60
    text = (seed_folder / "README.md").read_text()
    assert f"**{card['metrics']['test_q3']:.3f}**" in text
    assert "AFL-3.0" in text


def test_a_textbook_helix_and_strand_are_recognised(seed):
    helix, strand = seed.probabilities(
        ["GS" + "AEAAKEAL" * 4 + "GS", "GSGS" + "TVTVRVTV" + "NGD" + "KVTVTVTV" + "GSGS"]
    )
    assert helix[6:30, seed.classes.index("H")].min() > 0.5
    assert strand[5:11].mean(0).argmax() == seed.classes.index("E")


@pytest.mark.long
def test_its_figures_on_flip_are_those_of_its_card(seed, seed_folder, shared_data, repository, tmp_path):
    spec = importlib.util.spec_from_file_location("protein_seed", repository / "benchmarks/train_protein_seed.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.convert(shared_data / "proteins" / "flip_ss3", tmp_path)
    card = json.loads((seed_folder / "card.json").read_text())
    assert records.digest(tmp_path) == card["data"]["digest"]
    proteins = records.read(tmp_path / "test.jsonl", seed.classes)
    windows = records.cut_windows(proteins, seed.longest)
    tally = Tally(seed.classes, len(proteins))
    for window, probabilities in zip(windows, seed.probabilities([window.sequence for window in windows]), strict=True):
        labels = torch.tensor([seed.classes.find(label) for label in window.labels])
        labels[labels < 0] = networks.IGNORED
        tally.add(torch.from_numpy(probabilities).log()[None], labels[None], torch.tensor([window.protein]))
    figures = tally.figures()
    for name in ("q3", "q_per_protein", "recall_E", "loss"):
        assert figures[name] == pytest.approx(card["metrics"][f"test_{name}"], abs=2e-4)
