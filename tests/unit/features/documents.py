"""Documents about uploads, in the forms of reports/<id>.json and summary.json. They hold only what features read."""

FASTQ_REPORT = {
    "valid": True,
    "format": "fastq",
    "size": 1000,
    "sha256": "ab" * 32,
    "records": 4,
    "counts": {"duplicate_name": 1},
    "qc": {
        "records": 4,
        "alphabet": "dna",
        "bases": 600,
        "gc_fraction": 0.41,
        "n_fraction": 0.0,
        "shortest": 150,
        "longest": 150,
        "mean_length": 150.0,
        "n50": 150,
        "mean_quality": 33.5,
        "q20_fraction": 0.95,
        "q30_fraction": 0.875,
        "origin": {
            "platform": ["Illumina"],
            "instrument": ["M00001"],
            "run": ["7"],
            "flow_cell": ["FC1"],
            "lane": ["2", "1"],
        },
    },
}
OF_MODEL = {"attempt": 2, "job": "seqdrop-job", "seqdrop": "0.2.0"}
PROMOTER_SUMMARY = OF_MODEL | {
    "model": {"name": "promoter-300", "archive": "models/x", "sha256": "cd" * 32},
    "parameters": {"task": "promoter", "window": 300, "stride": 50, "threshold": 0.9},
    "counts": {"windows": 40, "scored": 36, "calls": 3, "not_scored": {"too_many_n": 4}, "errors": {}},
    "calls": {"windows": 3, "scored_kb": 4.5, "windows_per_kb": 0.666667, "kept": 2, "kept_per_kb": 0.444444},
    "expected_false_calls": {"recall": 0.8, "windows_per_kb": {"intron": 0.12, "cds": 0.3}},
    "probability": {"mean": 0.25, "q05": 0.01, "q25": 0.1, "median": 0.2, "q75": 0.3, "q95": 0.91},
    "prior": 0.3,
}
STRUCTURE_SUMMARY = OF_MODEL | {
    "model": {"name": "structure", "archive": "models/y", "sha256": "ef" * 32},
    "parameters": {"task": "structure"},
    "counts": {"proteins": 2, "residues": 130, "errors": {}},
    "structure": {"composition": {"H": 0.4, "E": 0.2, "C": 0.4}, "mean_probability": 0.77},
}
