"""How loud a stem is where it sounds at all: real stems rest for bars, and silence must not count."""

from __future__ import annotations

import numpy as np

BLOCK = 2205
"""Samples a level is taken over: 50 ms."""
ACTIVE_DB = -40.0
"""A block this far below the loudest counts as silence."""


def block_power(stem: np.ndarray) -> np.ndarray:
    """Mean square of every block of 50 ms (what is left over at the end is dropped), float64 `(blocks,)`."""
    count = max(1, len(stem) // BLOCK)
    blocks = stem[: count * BLOCK].reshape(count, -1)
    return np.einsum("ij,ij->i", blocks, blocks).astype(np.float64) / blocks.shape[1]


def active_share(stem: np.ndarray, peak: float) -> float:
    """Share of the blocks whose root mean square is less than 40 dB below `peak`; 0 where `peak` is."""
    return float(np.mean(block_power(stem) > peak**2 * 10 ** (ACTIVE_DB / 10))) if peak > 0 else 0.0


def active_level(stem: np.ndarray) -> float:
    """Root mean square over the blocks that are less than 40 dB below the loudest one; 0 for silence."""
    power = block_power(stem)
    return float(np.sqrt(power[power >= power.max() * 10 ** (ACTIVE_DB / 10)].mean()))


def balance(target: np.ndarray, rest: np.ndarray, decibels: float) -> np.ndarray:
    """The target at such a gain that its active level is `decibels` above the rest's; as it is where either is silent.

    Args:
        target: float32 `(samples, channels)`.
        rest: float32 `(samples, channels)`, the sum of all other stems.
        decibels: wanted ratio of the active levels.
    """
    have, against = active_level(target), active_level(rest)
    if have < 1e-5 or against < 1e-5:
        return target
    return target * np.float32(against / have * 10 ** (decibels / 20))
