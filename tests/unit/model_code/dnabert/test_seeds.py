"""The seed models: they load, predict as they did when they were committed, and separate promoters from other DNA.

golden/seeds.json contains random sequences and the predictions of the seeds for them. After a seed is trained again:

    python tests/unit/model_code/dnabert/test_seeds.py
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).resolve().parents[4] / "model_code" / "dnabert"
DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
GOLDEN = Path(__file__).with_name("golden") / "seeds.json"
WINDOWS = {"promoter-70": 70, "promoter-300": 300}
seeds = pytest.mark.parametrize("name", WINDOWS)


def classifier_of(name: str):
    from classifier import load_classifier

    return load_classifier(CODE / "seeds" / name)


def predict(classifier, sequences: list[str], window: int) -> list[float]:
    """Return the probabilities of both strands of each sequence's first window, as a transform job computes them."""
    import scoring
    from windows import WindowSettings

    items = [{"id": str(i), "record": "r", "start": 0, "sequence": s} for i, s in enumerate(sequences)]
    lines = [json.dumps(item).encode() for item in items]
    settings = WindowSettings(window, window, ("+", "-"))
    predictions = [json.loads(line) for line in scoring.predict_lines(lines, classifier, settings)]
    return [entry["probability"] for line in predictions for entry in line["windows"]]


@pytest.fixture(scope="module")
def loaded():
    return {name: classifier_of(name) for name in WINDOWS}


@seeds
def test_predictions_are_those_of_the_golden_file(loaded, name):
    golden = json.loads(GOLDEN.read_text())[name]
    assert predict(loaded[name], golden["sequences"], WINDOWS[name]) == pytest.approx(golden["answers"], abs=1e-4)


@seeds
def test_random_promoter_like_sequences_outrank_intron_like_ones(loaded, name):
    import metrics

    sequences, window = random_sequences(WINDOWS[name], 40), WINDOWS[name]
    probabilities = predict(loaded[name], sequences, window)[::2]
    assert metrics.auc([1] * 40 + [0] * 40, probabilities) > 0.8


@seeds
def test_a_seed_refuses_a_window_longer_than_its_own(loaded, name):
    with pytest.raises(ValueError, match="SEQDROP_WINDOW"):
        predict(loaded[name], ["A" * 400], WINDOWS[name] + 1)


@seeds
def test_a_seed_is_small_and_in_half_precision(name):
    folder = CODE / "seeds" / name
    assert (folder / "model.safetensors").stat().st_size < 5_000_000
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert {"config.json", "vocab.txt", "README.md", "figures.json"} <= {path.name for path in folder.iterdir()}


@seeds
def test_the_model_card_has_the_figures_of_the_last_training(name):
    folder = CODE / "seeds" / name
    figures, card = json.loads((folder / "figures.json").read_text()), (folder / "README.md").read_text()
    for test in ("gue", "real"):
        for figure in ("mcc", "auc", "accuracy"):
            assert f"{figures['test'][test][figure]:.3f}" in card, (test, figure)


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data folder (shared/data) is not here")
@seeds
def test_real_promoters_outrank_real_introns(loaded, name):
    """A rough check on public files that include training genes; the card has the figures of held-out genes."""
    real, window = DATA / "promoters" / "real_negatives", WINDOWS[name]
    kinds = {"human_TATA.fa": 285 - window if window == 70 else 0, "bdgp_human_intron.300.fa": 0}
    positive_shares = []
    for file, offset in kinds.items():
        bodies = ["".join(r.split("\n")[1:]) for r in (real / file).read_text().split(">")[1:201]]
        probabilities = predict(loaded[name], [body[offset : offset + window] for body in bodies], window)[::2]
        positive_shares.append(sum(p > 0.5 for p in probabilities) / len(probabilities))
    assert positive_shares[0] > 0.5 > 2 * positive_shares[1]


def chain(generator: random.Random, length: int, weights: tuple, pairs: dict[str, float]) -> str:
    """Return random bases, A, C, G and T by `weights`; `pairs` changes the weight of a base that completes a pair."""
    bases = generator.choices("ACGT", weights)
    while len(bases) < length:
        leaning = [w * pairs.get(bases[-1] + base, 1) for base, w in zip("ACGT", weights, strict=True)]
        bases += generator.choices("ACGT", leaning)
    return "".join(bases)


def promoter_like(generator: random.Random, window: int) -> str:
    """Return a GC-rich sequence with CpGs, a GC box, a CAAT box, an initiator and sometimes a TATA box."""
    start = 249 if window == 300 else 34
    body = list(chain(generator, window, (2, 3.3, 3.3, 1.7), {}))
    boxes = {start - 90: "GGGGCGGGGC", start - 60: "CCAATCAG", start - 2: "TCAGTC"}
    boxes[start - 31] = generator.choice(["TATAAAAG", ""])
    for place, box in boxes.items():
        if place >= 0:
            body[place : place + len(box)] = box
    return "".join(body)


def intron_like(generator: random.Random, window: int) -> str:
    """Return an AT-rich sequence with few CpGs and with runs of A and of T."""
    return chain(generator, window, (2.8, 2, 2, 3.2), {"CG": 0.2, "AA": 1.3, "TT": 1.4, "CA": 1.2, "TG": 1.3})


def random_sequences(window: int, of_each: int) -> list[str]:
    """Return promoter-like sequences, then as many intron-like ones, the same on each call."""
    generator = random.Random(window)
    return [kind(generator, window) for kind in (promoter_like, intron_like) for _ in range(of_each)]


def write_golden() -> None:
    sys.path.insert(0, str(CODE))
    golden = {}
    for name, window in WINDOWS.items():
        sequences = random_sequences(window, 4)
        sequences.append(sequences[0][:20] + "NNN" + sequences[0][23:].lower())
        golden[name] = {"sequences": sequences, "answers": predict(classifier_of(name), sequences, window)}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    write_golden()
