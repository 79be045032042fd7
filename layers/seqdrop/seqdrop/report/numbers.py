"""How figures are written. None, where there was nothing to count, is a dash."""

from __future__ import annotations

NOTHING = "–"
LETTERS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def percent(share: float | None, digits: int = 1) -> str:
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def decimal(value: float | None, digits: int = 1) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"


def short(value: float | None, unit: str = "") -> str:
    """Three digits and a letter: 1234567 is 1.23 M."""
    if value is None:
        return NOTHING
    for size, letter in LETTERS:
        if value >= 0.9995 * size:
            return f"{value / size:.3g} {letter}{unit}"
    return f"{value:.3g} {unit}".strip()


def size(value: int) -> str:
    return f"{value:,} bytes" if value < 1000 else f"{short(value, 'B')} ({value:,} bytes)"
