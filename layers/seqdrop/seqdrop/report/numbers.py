"""Format numbers. None means that there was nothing to count, and becomes a dash."""

from __future__ import annotations

NOTHING = "–"
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: int | None) -> str:
    """Return a whole number with thousands separators."""
    return NOTHING if value is None else f"{value:,}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """Return a fraction (0 to 1) as a percentage with `digits` decimal digits."""
    return NOTHING if fraction is None else f"{100 * fraction:.{digits}f} %"


def decimal(value: float | None, digits: int = 1) -> str:
    """Return a number with `digits` decimal digits and thousands separators."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def short(value: float | None, unit: str = "") -> str:
    """Return a number with three significant digits and a metric prefix: 1234567 is 1.23 M."""
    if value is None:
        return NOTHING
    for factor, prefix in PREFIXES:
        if value >= 0.9995 * factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".strip()


def size(value: int) -> str:
    """Return a number of bytes; from 1,000 bytes on, also with a metric prefix."""
    return f"{value:,} bytes" if value < 1000 else f"{short(value, 'B')} ({value:,} bytes)"
