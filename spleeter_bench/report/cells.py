"""Numbers as the text of table cells."""

from __future__ import annotations

from spleeter_bench.statistics import Interval

MISSING = "–"
LEAST_FACTOR = 0.001


def decibels(value: float) -> str:
    """Two decimals; adding zero turns a rounded -0.0 into 0.0."""
    return f"{round(value, 2) + 0.0:.2f}"


def interval(ends: Interval) -> str:
    """`[low, high]`, two decimals."""
    return f"[{decibels(ends[0])}, {decibels(ends[1])}]"


def probability(value: float | None) -> str:
    """A p-value with two significant digits."""
    if value is None:
        return MISSING
    return f"{value:.2g}" if value >= 0.0001 else "< 0.0001"


def speed(factor: float | None) -> str:
    """Real-time factor and its inverse."""
    if factor is None:
        return MISSING
    return f"{factor:.3g}\n({1 / factor:.3g}×)" if factor >= LEAST_FACTOR else f"< {LEAST_FACTOR:g}"


def seconds(value: float | None) -> str:
    """One decimal."""
    return MISSING if value is None else f"{value:.1f} s"


def memory(peak: int | None) -> str:
    """Bytes in MB or GB."""
    if not peak:
        return MISSING
    return f"{peak / 1e9:.2f} GB" if peak >= 1e9 else f"{peak / 1e6:.0f} MB"
