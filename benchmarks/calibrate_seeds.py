"""Fit the calibration of a seed model and measure its errors.

    python benchmarks/calibrate_seeds.py promoter-300 --data DATA --out model_code/dnabert/seeds/promoter-300

DATA is the folder that contains promoters/gue and promoters/real_negatives. Platt's two parameters are fitted on the
validation set: real promoters, introns and coding sequence of genes that the training set does not contain. Errors and
false calls are measured on the test set, whose genes are in neither of the other sets, at the test set's own share of
promoters. "before_with_prior" is the model's probability without Platt's scaling, adjusted only from the share of
promoters in training to the share in the test set. It shows the gain from knowing the share alone.

Run this after train_seeds.py. It writes calibration.json, which is packed into the archive, to the model folder, and
adds the entry "calibration" to figures.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

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
    """Return the labels, float (n,)."""
    return np.array([item.label for item in items], dtype=float)


def fit_platt(scores: np.ndarray, labels: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression of labels on the scores' log odds, by Newton's method."""
    features = np.stack([[logit(score) for score in scores], np.ones(len(scores))], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        fitted = 1 / (1 + np.exp(-features @ weights))
        curvature = features.T @ (features * (fitted * (1 - fitted))[:, None])
        step = np.linalg.solve(curvature, features.T @ (labels - fitted))
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    return float(weights[0]), float(weights[1])


def measure_errors(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the Brier score, and the expected calibration error over ten bins of equally many sequences."""
    order = np.argsort(scores, kind="stable")
    gaps = [abs(scores[part].mean() - labels[part].mean()) * len(part) for part in np.array_split(order, BINS)]
    errors = {"brier": float(np.mean((scores - labels) ** 2)), "ece": sum(gaps) / len(scores)}
    return {name: round(value, DIGITS) for name, value in errors.items()}


def calibrate(name: str, data: Path, folder: Path) -> tuple[Calibration, dict[str, Any]]:
    """Return the calibration of a seed, and its measured errors in the form of figures.json."""
    split, classifier = getattr(promoter_data, RECIPES[name].data)(data), load_classifier(folder)
    validation, test = split.validation, split.tests["real"]
    scores, labels = probabilities(classifier, validation), labels_of(validation)
    slope, intercept = fit_platt(scores, labels)
    test_scores, test_labels = probabilities(classifier, test).astype(float), labels_of(test)
    rows = [
        {k: row[k] for k in ("threshold", "recall", "intron_called", "cds_called")}
        for row in false_calls(test, test_scores)
    ]
    calibration = Calibration(
        round(slope, DIGITS), round(intercept, DIGITS), round(float(labels.mean()), DIGITS), tuple(rows)
    )
    share, train_share = float(test_labels.mean()), float(labels_of(split.train).mean())
    scaled = np.array(list(map(calibration.scale(share), test_scores)))
    shifted = np.array(list(map(Calibration(1.0, 0.0, train_share).scale(share), test_scores)))
    measured = {
        "fitted_on": {"set": "validation", "sequences": len(labels), "share": calibration.share},
        "judged_on": {"set": "test, real", "sequences": len(test_labels), "share": round(share, DIGITS)},
        "before": measure_errors(test_scores, test_labels),
        "before_with_prior": measure_errors(shifted, test_labels),
        "after": measure_errors(scaled, test_labels),
    }
    return calibration, measured


def main() -> None:
    """Calibrate a seed, and write the files."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--out", type=Path, required=True, help="the model folder")
    args = parser.parse_args()
    calibration, measured = calibrate(args.name, args.data, args.out)
    others = measured["before"], measured["before_with_prior"]
    if any(measured["after"][name] >= min(row[name] for row in others) for name in measured["after"]):
        raise SystemExit(f"no file was written, because the calibration does not improve the errors: {measured}")
    content = {"method": "platt", **json.loads(calibration.as_json()), "measured": measured}
    (args.out / FILE).write_text(json.dumps(content, indent=2) + "\n")
    figures = json.loads((args.out / "figures.json").read_text()) | {"calibration": measured}
    (args.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(content, indent=2))


if __name__ == "__main__":
    main()
