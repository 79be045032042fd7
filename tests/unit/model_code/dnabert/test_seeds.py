"""The seed models: they load, answer as they did when they were committed, and know a promoter from other DNA.

golden/seeds.json holds made-up sequences and what the seeds say of them. After a seed is trained again:

    python tests/unit/model_code/dnabert/test_seeds.py
"""

from __future__ import annotations

import json
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


def answers(classifier, sequences: list[str], window: int) -> list[float]:
    """Probability of each sequence, both strands of its first window, as a transform job would have it."""
    import scoring
    from windows import WindowSettings

    items = [{"id": str(i), "record": "r", "start": 0, "sequence": s} for i, s in enumerate(sequences)]
    lines = [json.dumps(item).encode() for item in items]
    settings = WindowSettings(window, window, ("+", "-"))
    found = [json.loads(line) for line in scoring.answer_lines(lines, classifier, settings)]
    return [entry["probability"] for line in found for entry in line["windows"]]


@pytest.fixture(scope="module")
def loaded():
    return {name: classifier_of(name) for name in WINDOWS}


@seeds
def test_answers_are_those_of_the_golden_file(loaded, name):
    golden = json.loads(GOLDEN.read_text())[name]
    assert answers(loaded[name], golden["sequences"], WINDOWS[name]) == pytest.approx(
        golden["answers"], abs=1e-4
    )


@seeds
def test_a_gc_rich_start_site_outranks_an_at_rich_stretch(loaded, name):
    golden = json.loads(GOLDEN.read_text())[name]
    promoter, intron, *_ = answers(loaded[name], golden["sequences"][:2], WINDOWS[name])[::2]
    assert promoter > 0.5 > intron


@seeds
def test_a_seed_refuses_a_window_it_was_not_trained_on(loaded, name):
    with pytest.raises(ValueError, match="SEQDROP_WINDOW"):
        answers(loaded[name], ["A" * 400], WINDOWS[name] + 1)


@seeds
def test_a_seed_is_small_and_in_halves(name):
    folder = CODE / "seeds" / name
    assert (folder / "model.safetensors").stat().st_size < 5_000_000
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert {"config.json", "vocab.txt", "README.md", "figures.json"} <= {
        path.name for path in folder.iterdir()
    }


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
    """A rough look at public files, training genes included: the card's figures are of held-out genes."""
    real, window = DATA / "promoters" / "real_negatives", WINDOWS[name]
    kinds = {"human_TATA.fa": 285 - window if window == 70 else 0, "bdgp_human_intron.300.fa": 0}
    called = []
    for file, offset in kinds.items():
        bodies = ["".join(r.split("\n")[1:]) for r in (real / file).read_text().split(">")[1:201]]
        found = answers(loaded[name], [body[offset : offset + window] for body in bodies], window)[::2]
        called.append(sum(p > 0.5 for p in found) / len(found))
    assert called[0] > 0.5 > 2 * called[1]


def made_up_sequences(window: int) -> list[str]:
    """A GC-rich stretch with a TATA box 30 bases before its start site; an AT-rich one; and chance alone."""
    import random

    chance = random.Random(window)
    start = window - 50 if window == 300 else 35
    rich = "".join(chance.choices("ACGT", (2, 4, 4, 2), k=window)).replace("CA", "CG")
    boxes = {start - 60: "GGGCGGGGC", start - 31: "TATAAAAG", start - 2: "TCAGTT"}
    for place, box in boxes.items():
        if place >= 0:
            rich = rich[:place] + box + rich[place + len(box) :]
    poor = "".join(chance.choices("ACGT", (4, 2, 2, 4), k=window)).replace("CG", "TG")
    other = ["".join(chance.choices("ACGT", k=window)) for _ in range(2)]
    return [rich, poor, *other, other[0][: window // 2] + "NNN" + other[0][window // 2 + 3 :]]


def write_golden() -> None:
    sys.path.insert(0, str(CODE))
    golden = {}
    for name, window in WINDOWS.items():
        sequences = made_up_sequences(window)
        golden[name] = {"sequences": sequences, "answers": answers(classifier_of(name), sequences, window)}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    write_golden()
