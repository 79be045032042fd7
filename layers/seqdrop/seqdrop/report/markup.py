"""HTML and SVG as a tree of elements, so that no text of a file can become markup."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

Child = Element | str | None


def node(tag: str, *children: Child, **attributes: object) -> Element:
    """Return an element. Attributes that are None are omitted.

    In names of attributes, a final _ is dropped and any other _ becomes a hyphen.
    """
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    shown = {names[name]: _printable(str(value)) for name, value in attributes.items() if value is not None}
    element = Element(tag, shown)
    last = None
    for child in children:
        if isinstance(child, Element):
            element.append(child)
            last = child
        elif child:
            _add_text(element, last, _printable(child))
    return element


def document(root: Element) -> str:
    """Return the HTML text of a document with this root element."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _add_text(parent: Element, last: Element | None, text: str) -> None:
    """Add text to `parent` after its last child, or at its start if `last` is None."""
    if last is None:
        parent.text = (parent.text or "") + text
    else:
        last.tail = (last.tail or "") + text


def _printable(text: str) -> str:
    """Replace characters that are not printable, such as controls, marks of text direction and lone surrogates.

    Line ends are kept.
    """
    if text.isprintable():  # true for nearly all text; without this, the loop would take a fifth of a page's time
        return text
    replaced = (
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )
    return "".join(replaced)
