"""Elements of HTML and SVG, built as a tree, so that no text of a file can become markup."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

Child = Element | str | None


def node(tag: str, *children: Child, **attributes: object) -> Element:
    """An element. `class_` stands for class and `_` for a hyphen in names of attributes; None leaves one out."""
    given = {key.rstrip("_").replace("_", "-"): _printable(str(v)) for key, v in attributes.items() if v is not None}
    made = Element(tag, given)
    last = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif child:
            _add_text(made, last, _printable(child))
    return made


def document(root: Element) -> str:
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _add_text(parent: Element, last: Element | None, text: str) -> None:
    if last is None:
        parent.text = (parent.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _printable(text: str) -> str:
    """Without what browsers do not show as it is: control and direction characters, lone surrogates."""
    if text.isprintable():  # as nearly all is; one by one takes a fifth of a page's time
        return text
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)
