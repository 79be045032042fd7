"""Made-up run.json documents with any number of samples, judged by the real rules."""

from __future__ import annotations

import random
from typing import Any

from seqdrop.config.verdict import VerdictSettings
from seqdrop.runs.figures import sum_figures
from seqdrop.runs.verdicts import as_entries, count_verdicts, judge_sample, judge_undetermined

FOLDER = "runs/20260105_LH00999_0012_A22ABCDLT4/"
SETTINGS = VerdictSettings(
    planned_mb=1500, yield_warn=1200, yield_fail=600, reads_fail=1e6, q30_warn=0.85, q30_fail=0.75, n_warn=0.01,
    n_fail=0.05, duplicates_warn=0.3, length_fail=50, undetermined_warn=0.1, undetermined_fail=0.3,
)  # fmt: skip
STATUSES = {3: ("missing", ()), 7: ("incomplete", ("L002 R2",)), 11: ("empty", ()), 13: ("unexpected", ())}
LISTS = {
    "agreed": {"Manifest.tsv": 10},
    "differing": {},
    "missing": {},
    "missing_count": 0,
    "too_large": [],
    "problems": [],
}


def make_run(samples: int = 12, state: str = "ARCHIVED", predicted: bool = True) -> dict[str, Any]:
    """Return the report of a run; samples 3, 7, 11 and 13 have something wrong with their files."""
    source = random.Random(samples)
    rows = [_make_sample(number, source) for number in range(1, samples + 1)]
    uploads = [upload for row in rows for upload in row["uploads"].values()]
    part = {
        "folder": "Analysis/1", "complete_at": "2026-01-07T12:10:00.000Z", "files": 2 * samples + 10, "bytes": 10**12,
        "archive": {"objects": 40, "bytes": 10**12, "usd_month": 0.99, "usd_least": 6.1, "usd_restore": 2.5,
                    "prices": "list prices of us-east-1"},
        "sheet": "SampleSheet.csv", "findings": [], "problems": [], "checksums": LISTS, "samples": rows,
        "missing": [row["sample_id"] for row in rows if row["status"] == "missing"],
        "unexpected": [row["sample_id"] for row in rows if row["status"] == "unexpected"],
        "undetermined_bytes": 2 * 10**11, "undetermined_share": 0.2,
        "verdicts": count_verdicts(row["verdict"] for row in rows),
        "undetermined": judge_undetermined(0.2, SETTINGS.limits),
        "unknown_barcodes": [["GGGGGGGG+AGATCTCG", 31_204], ["ACGTACGA+TTGACCAA", 5_120]], "barcode_reads": 50_000,
    }  # fmt: skip
    return {
        "run": "R" * 26, "folder": FOLDER, "instrument": "novaseq-x", "instrument_name": "Illumina NovaSeq X",
        "flow_cell": "22ABCDLT4", "state": state, "revision": 1, "cause": "The run is complete.",
        "created_at": "2026-01-05T18:00:00.000Z",
        "times": {"COPYING": "2026-01-07T11:00:00.000Z", "COMPLETE": "2026-01-07T12:10:00.000Z"},
        "markers": [{"name": "CopyComplete.txt", "at": "2026-01-07T12:00:00.000Z"}],
        "cost_tag": "TAG", "rejected": [{"name": "S3_R1.fastq.gz", "code": "truncated", "upload": "X" * 26}],
        "thresholds": {"analysis": "runs", "planned_mb": SETTINGS.planned_mb, "limits": as_entries(SETTINGS.limits)},
        "parts": [part], "predictions": _predict(uploads, source) if predicted else {},
    }  # fmt: skip


def _make_sample(number: int, source: random.Random) -> dict[str, Any]:
    name = f"Sample_{number:03d}"
    status, missing = STATUSES.get(number, ("complete", ()))
    has_files = status != "missing"
    bases = 0 if status == "empty" else int(source.gauss(1.5e9, 2.5e8))
    figures = {"reads": bases // 300, "bases": bases // 2, "q30": round(source.gauss(0.9, 0.03), 4), "n": 0.0004,
               "gc": 0.41, "duplicates": round(source.uniform(0.02, 0.35), 4)}  # fmt: skip
    total = sum_figures({"R1": [figures], "R2": [figures]}) if has_files else None
    files = {read: [f"Data/{name}_S{number}_L001_{read}_001.fastq.gz"] for read in ("R1", "R2")} if has_files else {}
    uploads = {names[0]: f"{number:05d}{read}".ljust(26, "A") for read, names in files.items()}
    return {
        "sample_id": name, "project": "P", "status": status, "lanes": [1], "files": files, "bytes": bases // 4,
        "missing": list(missing), "figures": total, "uploads": uploads,
        **judge_sample(status, missing, {}, total, SETTINGS.limits),
    }  # fmt: skip


def _predict(uploads: list[str], source: random.Random) -> dict[str, list[dict[str, Any]]]:
    return {upload: [_outcome(upload, source.randrange(100))] for upload in uploads[:6]}


def _outcome(upload: str, windows: int) -> dict[str, Any]:
    calls = {"windows": windows, "kept": windows * 3 // 4, "scored_kb": 90.0, "false_low": 4.5, "false_high": 9.0}
    return {
        "analysis": "runs", "number": 1, "state": "PREDICTED", "at": "2026-01-07T13:00:00.000Z", "reason": "",
        "prefix": f"results/runs/{upload}/", "files": ["calls.bed", "summary.json"], "model": "dnabert",
        "model_sha256": "ab" * 32, "version": "0.4.0", "windows": 4000, "scored": 3900, "calls": calls,
        "proteins": None, "residues": None, "composition": None, "usd": 0.12,
    }  # fmt: skip
