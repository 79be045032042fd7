"""`index.html` beside the results of an upload: what each file is, and with what to open it.

The page has no script and loads nothing. Its links lead to files beside it, so it works in the folder that `seqdrop
fetch` makes, without a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from seqdrop.report.markup import document, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from xml.etree.ElementTree import Element

INDEX: Final = "index.html"
PURPOSES: Final[dict[str, str]] = {
    "summary.json": "Start here: counts, and where all of this comes from (model, parameters, input). JSON",
    "predictions.parquet": "Every prediction, for pandas, DuckDB, polars or R (arrow)",
    "predictions.jsonl": "The same predictions, a line of JSON for each",
    "calls.bed": "The calls that were kept, for IGV, bedtools or Excel (tab-separated)",
    "calls.gff3": "The same calls as GFF3, for annotation tools",
    "track.plus.bw": "A value for each base of the forward strand: bigWig for IGV, UCSC, deepTools",
    "track.minus.bw": "A value for each base of the reverse strand: bigWig for IGV, UCSC, deepTools",
    "track.plus.bedgraph": "The same values of the forward strand as text (bedGraph)",
    "track.minus.bedgraph": "The same values of the reverse strand as text (bedGraph)",
    "igv_session.xml": "Open this in IGV (File, Open Session): calls and tracks together",
    "genome.chrom.sizes": "Names and lengths of the records; IGV's session and bedtools use it",
    "hub.txt": "Track hub for the UCSC browser. It also needs genome.2bit: faToTwoBit YOUR.fasta genome.2bit",
    "fills.parquet": "The likeliest bases of each masked interval",
    "fills.jsonl": "The same, a line of JSON for each",
    "embeddings.parquet": "The embeddings, a row for each window or protein",
    "embeddings.jsonl": "The same, a line of JSON for each",
    "structure.parquet": "Secondary structure, a row for each residue",
    "structure.fasta": "Name, sequence and structure of each protein, three lines each",
    "structure.ss2.tar.gz": "PSIPRED's format, a file for each protein",
}
BESIDE: Final = {
    "report.html": "Quality control of the file: the page to show to people",
    "report.json": "The same figures for programs",
    "receipt.json": "Proof of the copy in the archive, after the file was archived",
}
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
    "padding:.4rem .8rem .4rem 0;border-bottom:1px solid #ccc}td:first-child{overflow-wrap:anywhere}a{color:#004f9e}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#121212}a{color:#8ec7ff}td,th{border-color:#444}}"
)


def make_index(names: Iterable[str], facts: Mapping[str, str], beside: str = "") -> str:
    """Return the page for files of these names. `facts` are shown first, by their labels.

    `beside` leads from the page to the files that are there once for all attempts: "" or "../".
    """
    shown = sorted(names, key=lambda name: (list(PURPOSES).index(name) if name in PURPOSES else len(PURPOSES), name))
    title = "Results of Seqdrop"
    return document(
        node(
            "html",
            node(
                "head",
                node("meta", charset="utf-8"),
                node("meta", name="viewport", content="width=device-width, initial-scale=1"),
                node("title", title),
                node("style", STYLE),
            ),
            node(
                "body",
                node(
                    "main",
                    node("h1", title),
                    node("dl", *(part for label, value in facts.items() for part in _fact(label, value))),
                    node("h2", "Files"),
                    _table([(name, name, PURPOSES.get(name, "")) for name in shown]),
                    node("h2", "About the file that was dropped"),
                    node("p", "These are there if you downloaded them with seqdrop fetch."),
                    _table([(beside + name, name, purpose) for name, purpose in BESIDE.items()]),
                ),
            ),
            lang="en",
        )
    )


def _fact(label: str, value: str) -> tuple[Element, Element]:
    return node("dt", label), node("dd", value)


def _table(rows: list[tuple[str, str, str]]) -> Element:
    head = node("thead", node("tr", node("th", "file", scope="col"), node("th", "what it is for", scope="col")))
    lines = [
        node("tr", node("td", node("a", name, href=quote(path))), node("td", purpose)) for path, name, purpose in rows
    ]
    return node("table", head, node("tbody", *lines))
