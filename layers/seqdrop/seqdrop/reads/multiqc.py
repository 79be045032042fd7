"""The figures of files as MultiQC custom content: files named `*_mqc.json`, which MultiQC finds by their name.

Format: MultiQC's documentation, "Custom content" (a JSON object with id, plot_type, pconfig and data by sample).
"""

from __future__ import annotations

SECTION = {"parent_id": "seqdrop", "parent_name": "Seqdrop", "parent_description": "Validation of dropped files"}


def contents(samples: dict[str, dict]) -> dict[str, dict]:
    """{file name: content} for the reports (as `Reading.report` makes them) of some samples, by their names."""
    qc = {name: report["qc"] for name, report in samples.items()}
    return {
        "seqdrop_general_mqc.json": _general(samples),
        "seqdrop_quality_mqc.json": _line(
            "quality", "Mean quality per position", "Position (bp)", "Phred score",
            {name: _by_position(one, "quality") for name, one in qc.items() if one["positions"]},
        ),
        "seqdrop_gc_mqc.json": _line(
            "gc", "GC per position", "Position (bp)", "Share of G and C",
            {name: _gc(one) for name, one in qc.items() if one["positions"]},
        ),
        "seqdrop_read_quality_mqc.json": _line(
            "read_quality", "Reads by mean quality", "Phred score", "Reads",
            {name: dict(one["read_quality"]) for name, one in qc.items() if one["read_quality"]},
        ),
        "seqdrop_lengths_mqc.json": _line(
            "lengths", "Reads by length", "Length (bp)", "Reads",
            {name: dict(one["lengths"]) for name, one in qc.items()},
        ),
    }  # fmt: skip


def _general(samples: dict[str, dict]) -> dict:
    data = {}
    for name, report in samples.items():
        qc = report["qc"]
        data[name] = {
            "reads": qc["records"],
            "bases": qc["bases"],
            "gc": _percent(qc["gc_fraction"]),
            "q30": _percent(qc["q30_fraction"]),
            "n50": qc["n50"],
            "errors": sum(report["counts"].get(one["code"], 0) for one in _first_of_each(report["errors"])),
        }
    headers = [
        {"reads": {"title": "Reads", "format": "{:,.0f}"}},
        {"bases": {"title": "Bases", "format": "{:,.0f}"}},
        {"gc": {"title": "GC", "suffix": "%", "max": 100}},
        {"q30": {"title": "Q30", "suffix": "%", "max": 100}},
        {"n50": {"title": "N50", "format": "{:,.0f}"}},
        {"errors": {"title": "Errors", "format": "{:,.0f}"}},
    ]
    return {"id": "seqdrop_general", "plot_type": "generalstats", "pconfig": headers, "data": data}


def _first_of_each(errors: list[dict]) -> list[dict]:
    return list({one["code"]: one for one in errors}.values())


def _line(name: str, title: str, x: str, y: str, data: dict[str, dict]) -> dict:
    config = {"id": f"seqdrop_{name}_plot", "title": f"Seqdrop: {title}", "xlab": x, "ylab": y}
    return {**SECTION, "id": f"seqdrop_{name}", "section_name": title, "plot_type": "linegraph", "pconfig": config,
            "data": data}  # fmt: skip


def _by_position(qc: dict, what: str) -> dict[int, float]:
    return {place: value for place, value in enumerate(qc["positions"][what], start=1) if value is not None}


def _gc(qc: dict) -> dict[int, float]:
    positions = qc["positions"]
    pairs = zip(positions["G"], positions["C"], strict=True)
    return {place: round(g + c, 4) for place, (g, c) in enumerate(pairs, start=1) if g is not None}


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)
