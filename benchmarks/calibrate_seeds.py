"""Fit a seed's calibration and measure what it is worth, in one command.

    python benchmarks/calibrate_seeds.py promoter-300 --data DATA --out model_code/dnabert/seeds/promoter-300

DATA is the folder that holds promoters/gue and promoters/real_negatives. Platt's two numbers are fitted on the
validation set (real promoters, introns and coding sequence of genes that are in no training sequence); the test set,
other genes again, judges them at its own share of promoters and gives the false calls. "before_with_prior" is the
model's probability moved from the share in training to that share, without Platt: what knowing the share alone gains.

The model folder gets calibration.json, which travels with the archive, and figures.json an entry "calibration". To be
run after train_seeds.py.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import promoter_data
from classifier import load_classifier
from promoter_data import Labelled
from promoter_figures import false_calls, probabilities
from seqdrop.models.calibration import FILE, Calibration, logit
from train_seeds import RECIPES

BINS = 10
DIGITS = 4


def labels_of(items: list[Labelled]) -> np.ndarray:
    return np.array([item.label for item in items], dtype=float)


def platt(scores: np.ndarray, labels: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of labels on the scores' log odds, by Newton's method."""
    given = np.stack([[logit(score) for score in scores], np.ones(len(scores))], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        found = 1 / (1 + np.exp(-given @ weights))
        curvature = given.T @ (given * (found * (1 - found))[:, None])
        step = np.linalg.solve(curvature, given.T @ (labels - found))
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[0]), float(weights[1])


def worth(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Brier score, and expected calibration error over ten bins of equally many sequences."""
    order = np.argsort(scores, kind="stable")
    gaps = [abs(scores[part].mean() - labels[part].mean()) * len(part) for part in np.array_split(order, BINS)]
    found = {"brier": float(np.mean((scores - labels) ** 2)), "ece": sum(gaps) / len(scores)}
    return {name: round(value, DIGITS) for name, value in found.items()}


def calibrate(name: str, data: Path, folder: Path) -> tuple[Calibration, dict]:
    split, classifier = getattr(promoter_data, RECIPES[name].data)(data), load_classifier(folder)
    held_out, test = split.validation, split.tests["real"]
    scores, labels = probabilities(classifier, held_out), labels_of(held_out)
    slope, intercept = platt(scores, labels)
    unseen, truth = probabilities(classifier, test).astype(float), labels_of(test)
    rows = [
        {k: row[k] for k in ("threshold", "recall", "intron_called", "cds_called")} for row in false_calls(test, unseen)
    ]
    found = Calibration(
        round(slope, DIGITS), round(intercept, DIGITS), round(float(labels.mean()), DIGITS), tuple(rows)
    )
    share, trained = float(truth.mean()), float(labels_of(split.train).mean())
    scaled = np.array(list(map(found.scale(share), unseen)))
    shifted = np.array(list(map(Calibration(1.0, 0.0, trained).scale(share), unseen)))
    judged = {
        "fitted_on": {"set": "validation", "sequences": len(labels), "share": found.share},
        "judged_on": {"set": "test, real", "sequences": len(truth), "share": round(share, DIGITS)},
        "before": worth(unseen, truth),
        "before_with_prior": worth(shifted, truth),
        "after": worth(scaled, truth),
    }
    return found, judged


def main() -> None:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--out", type=Path, required=True, help="the model folder")
    args = parser.parse_args()
    found, judged = calibrate(args.name, args.data, args.out)
    others = judged["before"], judged["before_with_prior"]
    if any(judged["after"][one] >= min(other[one] for other in others) for one in judged["after"]):
        raise SystemExit(f"the calibration makes it no better: {judged}")
    content = {"method": "platt", **json.loads(found.as_json()), "measured": judged}
    (args.out / FILE).write_text(json.dumps(content, indent=2) + "\n")
    figures = json.loads((args.out / "figures.json").read_text()) | {"calibration": judged}
    (args.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
