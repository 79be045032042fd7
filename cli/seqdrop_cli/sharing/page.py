"""The page of a package: one HTML file with a link, a size and a SHA-256 for each file. It loads and runs nothing."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from seqdrop.report.markup import document, node
from seqdrop.report.numbers import count, size
from seqdrop.report.page import make_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from seqdrop_cli.sharing.files import Package, SharedFile

    Link = Callable[[SharedFile], str]

COLUMNS = (("File", None), ("Size", "number"), ("SHA-256", None))
CHECK = "sha256sum --check SHA256SUMS"


def render_share(packages: Sequence[Package], facts: dict[str, str], link: Link, notes: Sequence[str]) -> str:
    """Return the page. `facts` are shown at its top, `notes` are sentences, and `link` makes the address of a file."""
    files = [file for package in packages for file in package.files]
    title = facts["What"]
    header = node(
        "header",
        node("p", "Seqdrop package", class_="brand"),
        node("h1", title),
        node(
            "div",
            node("strong", f"{count(len(files))} files", class_="badge"),
            node("span", f"{size(sum(file.size for file in files))} of {count(len(packages))} uploads"),
            class_="verdict valid",
        ),
        node(
            "dl",
            *(node("div", node("dt", term), node("dd", text)) for term, text in facts.items() if text),
            class_="facts",
        ),
    )
    sections = [_make_section(package, link) for package in packages]
    main = node(
        "main", header, *([_make_notes(notes)] if notes else []), *sections, _make_sums(packages), _make_footer()
    )
    return document(node("html", make_head(title), node("body", main), lang="en"))


def _make_notes(notes: Sequence[str]) -> Element:
    return node("section", *(node("p", note) for note in notes))


def _make_section(package: Package, link: Link) -> Element:
    head = node("tr", *(node("th", name, scope="col", class_=kind) for name, kind in COLUMNS))
    rows = [
        node(
            "tr",
            node(
                "td",
                node("a", _label(file), href=link(file), rel="noreferrer", style="color: var(--accent)"),
                _until(file),
                class_="name",
            ),
            node("td", size(file.size), class_="number"),
            node("td", node("code", file.sha256 or "–"), class_="name what"),
        )
        for file in package.files
    ]
    raw = f"; raw data not included: {package.missing}" if package.missing else ""
    return node(
        "section",
        node("h2", posixpath.basename(package.key)),
        node("p", f"{package.key}, landed {package.landed.replace('T', ' ')}, {package.state}{raw}"),
        node("div", node("table", node("thead", head), node("tbody", *rows)), class_="wide-table"),
    )


def _label(file: SharedFile) -> str:
    return f"{file.name} (raw data)" if file.is_raw else file.name


def _until(file: SharedFile) -> Element | None:
    return node("span", f" readable until {file.until[:16].replace('T', ' ')} UTC") if file.until else None


def _make_sums(packages: Sequence[Package]) -> Element:
    """Return the checksums as `sha256sum` reads them, with the names under which browsers save the files."""
    lines = [
        f"{file.sha256}  {download_name(package, file)}"
        for package in packages
        for file in package.files
        if file.sha256
    ]
    return node(
        "section",
        node("h2", "Check what you have downloaded"),
        node("p", f"Save these lines as SHA256SUMS in the folder of the downloads, and run: {CHECK}"),
        node("pre", "\n".join(lines), class_="name", style="overflow-x: auto"),
    )


def download_name(package: Package, file: SharedFile) -> str:
    """Return the name under which a browser saves a file: raw data as they were, results after their upload."""
    if file.is_raw:
        return file.name
    return f"{posixpath.basename(package.key)}.{package.upload[:6]}.{file.name.replace('/', '.')}"


def _make_footer() -> Element:
    text = (
        "Every person who has this page can read its files until the links expire. The SHA-256 of raw "
        "data is that of the receipt, which was written when the file was archived."
    )
    return node("footer", node("p", text))
