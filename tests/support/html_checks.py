"""Structural checks of a page: what a screen reader and a browser without a network need."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta"}
HEADINGS = ("h1", "h2", "h3")


class Page(HTMLParser):
    """The elements of a page in order, with their attributes and the names of their parents; tags must be balanced."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]


def check_page(html: str) -> Page:
    """Return the page after all checks: it loads and runs nothing, and its structure can be read aloud."""
    page = Page(html)
    check_offline(page, html)
    check_structure(page)
    return page


def check_offline(page: Page, html: str) -> None:
    """Fail if the page could load or run anything; links must be relative."""
    policy = {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"}
    assert policy in page.all("meta")
    assert not page.all("script")
    for _, attributes, _ in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
        assert not re.match(r"[a-z]+:|//", attributes.get("href") or "", re.IGNORECASE)
    assert "url(" not in html
    assert "@import" not in html


def check_structure(page: Page) -> None:
    """Fail unless language, title, headings, tables and labels are as WCAG wants them."""
    assert page.all("html")[0]["lang"] == "en"
    titles = [parents for tag, _, parents in page.elements if tag == "title" and "svg" not in parents]
    assert len(titles) == len(page.all("main")) == len(page.all("h1")) == 1
    levels = [int(tag[1]) for tag, _, _ in page.elements if tag in HEADINGS]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for tag, attributes, parents in page.elements:
        if tag == "th":
            assert attributes.get("scope") in ("col", "row"), "a header cell needs a scope"
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true"
        if tag == "td":
            assert "tr" in parents
        if attributes.get("role") == "region":
            assert attributes.get("aria-label")
            assert attributes.get("tabindex") == "0"
    identifiers = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours (#rrggbb or #rgb) by WCAG 2.2."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colours(css: str) -> dict[str, dict[str, str]]:
    """Return the custom properties of style sheets by theme, "light" and "dark"."""
    dark = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", css, re.DOTALL)
    light = re.sub(r"@media.*?\{\s*:root.*?\}\s*\}", "", css, flags=re.DOTALL)
    pattern = re.compile(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,6})\b")
    base = dict(pattern.findall(light))
    return {"light": base, "dark": base | dict(pattern.findall(" ".join(dark)))}
