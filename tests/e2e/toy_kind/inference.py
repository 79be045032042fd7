"""The container script of the toy kind, which counts instead of running a model."""

import json
import os


def model_fn(model_dir, context=None):
    return int(os.environ["SEQDROP_WINDOW"]), int(os.environ["SEQDROP_STRIDE"])


def input_fn(data, content_type):
    text = data.decode() if isinstance(data, bytes) else data
    return [json.loads(line) for line in text.splitlines()]


def predict_fn(items, model):
    return [predict(item, *model) for item in items]


def predict(item, window, stride):
    sequence, first = item["sequence"].upper(), item["start"]
    starts = range(0, max(1, len(sequence) - window + 1), stride)
    parts = {start: sequence[start : start + window] for start in starts}
    windows = [
        {"start": first + start, "end": first + start + len(part), "strand": "+", "gc": gc(part)}
        for start, part in parts.items()
    ]
    return {"id": item["id"], "record": item["record"], "windows": windows}


def gc(part):
    return round((part.count("G") + part.count("C")) / len(part), 6)


def output_fn(predictions, accept):
    return "\n".join(json.dumps(prediction) for prediction in predictions) + "\n"
