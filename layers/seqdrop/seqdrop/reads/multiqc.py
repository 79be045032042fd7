"""Make MultiQC custom content from reports: files named `*_mqc.json`, which MultiQC finds by their names.

Format: MultiQC's documentation, "Custom content" (a JSON object with id, plot_type, pconfig and data by sample).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.errors import FaultEntry
    from seqdrop.report.schema import Origin, Pairs, Positions, Report

PARENT_ID = "seqdrop"
PARENT_NAME = "Seqdrop"
PARENT_DESCRIPTION = "Validation of dropped files"

ORIGIN = {
    "platform": "Platform",
    "instrument": "Instrument",
    "run": "Run",
    "flow_cell": "Flow cell",
    "lane": "Lane",
    "accession": "Accession",
}
"""The title of each key of the origin of reads."""

Samples = Mapping[str, Mapping[int, float]]
"""{sample: {x: y}}"""


class CustomContent(TypedDict):
    """The content of one custom content file of MultiQC; `data` has an entry for each sample."""

    id: str
    plot_type: str
    pconfig: object
    data: Mapping[str, object]
    parent_id: NotRequired[str]
    parent_name: NotRequired[str]
    parent_description: NotRequired[str]
    section_name: NotRequired[str]


def make_custom_content(samples: dict[str, Report]) -> dict[str, CustomContent]:
    """Return {file name: content} for `samples`, which is {sample name: report}."""
    qc = {name: report["qc"] for name, report in samples.items()}
    positions = {name: figures["positions"] for name, figures in qc.items()}
    by_position = {name: lists for name, lists in positions.items() if lists}
    read_quality = {name: _by_value(figures["read_quality"]) for name, figures in qc.items() if figures["read_quality"]}
    from_errors = {
        name: _by_value(pairs) for name, figures in qc.items() if (pairs := figures.get("read_quality_from_errors"))
    }
    return {
        "seqdrop_general_mqc.json": _general_statistics(samples),
        "seqdrop_quality_mqc.json": _line_graph(
            "quality",
            "Mean quality per position",
            ("Position (bp)", "Phred score"),
            {name: _by_position(lists["quality"]) for name, lists in by_position.items()},
        ),
        "seqdrop_gc_mqc.json": _line_graph(
            "gc",
            "GC per position",
            ("Position (bp)", "Share of G and C"),
            {name: _gc_by_position(lists) for name, lists in by_position.items()},
        ),
        "seqdrop_read_quality_mqc.json": _line_graph(
            "read_quality", "Reads by mean quality", ("Phred score", "Reads"), read_quality
        ),
        "seqdrop_read_quality_from_errors_mqc.json": _line_graph(
            "read_quality_from_errors", "Reads by mean quality from errors", ("Phred score", "Reads"), from_errors
        ),
        "seqdrop_lengths_mqc.json": _line_graph(
            "lengths",
            "Reads by length",
            ("Length (bp)", "Reads"),
            {name: _by_value(figures["lengths"]) for name, figures in qc.items()},
        ),
    }


def _general_statistics(samples: dict[str, Report]) -> CustomContent:
    data: dict[str, dict[str, float | str | None]] = {}
    for name, report in samples.items():
        qc = report["qc"]
        data[name] = {
            "reads": qc["records"],
            "bases": qc["bases"],
            "gc": _percent(qc["gc_fraction"]),
            "mean_quality": qc["mean_quality"],
            "mean_quality_from_errors": qc.get("mean_quality_from_errors"),
            "q30": _percent(qc["q30_fraction"]),
            "n50": qc["n50"],
            "errors": _count_errors(report["errors"], report["counts"]),
            **_describe_origin(qc["origin"]),
        }
    headers = [
        {"reads": {"title": "Reads", "format": "{:,.0f}"}},
        {"bases": {"title": "Bases", "format": "{:,.0f}"}},
        {"gc": {"title": "GC", "suffix": "%", "max": 100}},
        {"mean_quality": {"title": "Mean Q", "description": "Arithmetic mean of scores", "hidden": True}},
        {
            "mean_quality_from_errors": {
                "title": "Mean Q from errors",
                "description": "Score of the mean probability of an error, as in NanoPlot, dorado and seqkit",
            }
        },
        {"q30": {"title": "Q30", "suffix": "%", "max": 100}},
        {"n50": {"title": "N50", "format": "{:,.0f}"}},
        {"errors": {"title": "Errors", "format": "{:,.0f}"}},
        *({key: {"title": title, "hidden": key != "platform"}} for key, title in ORIGIN.items()),
    ]
    return {"id": "seqdrop_general", "plot_type": "generalstats", "pconfig": headers, "data": data}


def _describe_origin(origin: Origin) -> dict[str, str]:
    """Return the values of each key of the origin that has any, as text."""
    values = {
        "platform": origin["platform"],
        "instrument": origin["instrument"],
        "run": origin.get("run", []),
        "flow_cell": origin["flow_cell"],
        "lane": origin["lane"],
        "accession": origin.get("accession", []),
    }
    return {key: ", ".join(words) for key, words in values.items() if words}


def _count_errors(errors: list[FaultEntry], counts: dict[str, int]) -> int:
    codes = {entry["code"] for entry in errors}
    return sum(counts.get(code, 0) for code in codes)


def _line_graph(name: str, title: str, labels: tuple[str, str], data: Samples) -> CustomContent:
    x_label, y_label = labels
    config = {"id": f"seqdrop_{name}_plot", "title": f"Seqdrop: {title}", "xlab": x_label, "ylab": y_label}
    return {
        "parent_id": PARENT_ID,
        "parent_name": PARENT_NAME,
        "parent_description": PARENT_DESCRIPTION,
        "id": f"seqdrop_{name}",
        "section_name": title,
        "plot_type": "linegraph",
        "pconfig": config,
        "data": data,
    }


def _by_value(pairs: Pairs) -> dict[int, float]:
    return {pair[0]: pair[1] for pair in pairs}


def _by_position(values: Sequence[float | None]) -> dict[int, float]:
    return {position: value for position, value in enumerate(values, start=1) if value is not None}


def _gc_by_position(positions: Positions) -> dict[int, float]:
    pairs = zip(positions["G"], positions["C"], strict=True)
    return {
        position: round(g + c, 4) for position, (g, c) in enumerate(pairs, start=1) if g is not None and c is not None
    }


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 2)
